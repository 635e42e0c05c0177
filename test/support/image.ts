// Images in tests: the bytes of a part of the state, or of a core, in one piece.
import { ImageWriter } from '../../src/core/kernel/image.ts'
import type { TaskCore } from '../../src/core/kernel/step.ts'

export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(pieces))
}

export function imageOf(core: TaskCore): Uint8Array {
  return joined(core.image())
}

/** What `save` writes. */
export function saved(save: (to: ImageWriter) => void): Uint8Array {
  const to = new ImageWriter()
  save(to)
  return joined(to.pieces())
}
