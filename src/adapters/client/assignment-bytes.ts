// What a leader sends each member: a version, then its tasks as 32-bit numbers.
import { LogError } from '../../runtime/log-error.ts'

/** Tasks by member id. */
export type Assignment = ReadonlyMap<string, readonly number[]>

const VERSION = 1

/** Errors: `INVALID_REQUEST` when a task is given twice. */
export function encodeAssignment(assignment: Assignment): ReadonlyMap<string, Uint8Array> {
  const owners = new Map<number, string>()
  const encoded = new Map<string, Uint8Array>()
  for (const [memberId, tasks] of assignment) {
    const bytes = new Uint8Array(1 + 4 * tasks.length)
    const view = new DataView(bytes.buffer)
    view.setUint8(0, VERSION)
    for (const [i, task] of tasks.entries()) {
      const other = owners.get(task)
      if (other !== undefined)
        throw new LogError('INVALID_REQUEST', `task ${task} given to ${other} and ${memberId}`)
      owners.set(task, memberId)
      view.setInt32(1 + 4 * i, task)
    }
    encoded.set(memberId, bytes)
  }
  return encoded
}

/** No bytes: the leader left the member out. Errors: `INVALID_REQUEST` for anything not ours. */
export function decodeTasks(bytes: Uint8Array): readonly number[] {
  if (bytes.length === 0) return []
  if (bytes[0] !== VERSION || bytes.length % 4 !== 1) throw unreadable(bytes)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const tasks = Array.from({ length: bytes.length >> 2 }, (_, i) => view.getInt32(1 + 4 * i))
  if (tasks.some((task) => task < 0) || new Set(tasks).size < tasks.length) throw unreadable(bytes)
  return tasks
}

function unreadable(bytes: Uint8Array): LogError {
  const what = `the leader of the group sent an assignment of ${bytes.length} bytes`
  return new LogError('INVALID_REQUEST', `${what} that is not ours: all members must be healstream`)
}
