// What a streaming detector says of a sample. A detector is a pure machine over numbers: it knows
// no instance, no clock and no record; its memory is fixed when it is made and is part of an image.
import type { ImageReader, ImageWriter } from '../kernel/image.ts'

export interface Verdict {
  /** The sample, and as many before it as the rule wants, deviate. */
  readonly deviates: boolean
  /** Enough was seen to judge by; before that nothing deviates but from a hard limit. */
  readonly ready: boolean
  readonly value: number
  /** What the value was held against, in its unit; NaN: there is none yet. */
  readonly limit: number
  /** What the limit was made of, by name. */
  readonly parts: Readonly<Record<string, number>>
}

/** What every detector keeps comes back from an image as it was. */
export interface Kept {
  save(to: ImageWriter): void
  /** Into one that was made with the same parameters. */
  load(from: ImageReader): void
}
