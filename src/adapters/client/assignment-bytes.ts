// What a leader sends each member: its tasks as 32-bit numbers.
import { LogError } from '../../runtime/log-error.ts'

/** Errors: `INVALID_REQUEST` when a task is given twice. */
export function encodeAssignment(
  assignment: ReadonlyMap<string, readonly number[]>,
): ReadonlyMap<string, Uint8Array> {
  const owners = new Map<number, string>()
  const encoded = new Map<string, Uint8Array>()
  for (const [memberId, tasks] of assignment) {
    const bytes = new Uint8Array(4 * tasks.length)
    const view = new DataView(bytes.buffer)
    for (const [i, task] of tasks.entries()) {
      const other = owners.get(task)
      if (other !== undefined)
        throw new LogError('INVALID_REQUEST', `task ${task} given to ${other} and ${memberId}`)
      owners.set(task, memberId)
      view.setInt32(4 * i, task)
    }
    encoded.set(memberId, bytes)
  }
  return encoded
}

export function decodeTasks(bytes: Uint8Array): readonly number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: bytes.length >> 2 }, (_, i) => view.getInt32(4 * i))
}
