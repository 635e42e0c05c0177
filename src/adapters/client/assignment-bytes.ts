// What a leader sends each member: version (1) · behaviour (2) · format (2) · how many tasks are
// owned, followed, coming (3 × 2), then their numbers (4 each) in that order, big-endian.
import { LogError } from '../../runtime/log-error.ts'
import type { GroupShare } from '../../runtime/ports.ts'

/** Shares by member id. */
export type Assignment = ReadonlyMap<string, GroupShare>

const VERSION = 2
const HEAD_BYTES = 11

const NO_SHARE: GroupShare = { tasks: [], standby: [], coming: [], behaviour: 0, format: 0 }

/** Errors: `INVALID_REQUEST` when a task is given twice. */
export function encodeAssignment(assignment: Assignment): ReadonlyMap<string, Uint8Array> {
  const owners = new Map<number, string>()
  const encoded = new Map<string, Uint8Array>()
  for (const [memberId, share] of assignment) {
    for (const task of share.tasks) {
      const other = owners.get(task)
      if (other !== undefined)
        throw new LogError('INVALID_REQUEST', `task ${task} given to ${other} and ${memberId}`)
      owners.set(task, memberId)
    }
    encoded.set(memberId, encodeShare(share))
  }
  return encoded
}

function encodeShare({ tasks, standby, coming, behaviour, format }: GroupShare): Uint8Array {
  const numbers = [...tasks, ...standby, ...coming]
  const bytes = new Uint8Array(HEAD_BYTES + 4 * numbers.length)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, VERSION)
  const head = [behaviour, format, tasks.length, standby.length, coming.length]
  for (const [i, value] of head.entries()) view.setUint16(1 + 2 * i, value)
  for (const [i, task] of numbers.entries()) view.setInt32(HEAD_BYTES + 4 * i, task)
  return bytes
}

/** No bytes: the leader left the member out. Errors: `INVALID_REQUEST` for anything not ours. */
export function decodeShare(bytes: Uint8Array): GroupShare {
  if (bytes.length === 0) return NO_SHARE
  if (bytes[0] !== VERSION || bytes.length < HEAD_BYTES) throw unreadable(bytes)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const [behaviour = 0, format = 0, ...counts] = [0, 1, 2, 3, 4].map((i) =>
    view.getUint16(1 + 2 * i),
  )
  const [owned = 0, followed = 0, coming = 0] = counts
  const total = owned + followed + coming
  if (bytes.length !== HEAD_BYTES + 4 * total) throw unreadable(bytes)
  const numbers = Array.from({ length: total }, (_, i) => view.getInt32(HEAD_BYTES + 4 * i))
  const share = {
    tasks: numbers.slice(0, owned),
    standby: numbers.slice(owned, owned + followed),
    coming: numbers.slice(owned + followed),
    behaviour,
    format,
  }
  const lists = [[...share.tasks, ...share.standby], share.coming]
  const isOdd = lists.some((list) => list.some((t) => t < 0) || new Set(list).size < list.length)
  if (isOdd || share.coming.some((task) => !share.standby.includes(task))) throw unreadable(bytes)
  return share
}

function unreadable(bytes: Uint8Array): LogError {
  const what = `the leader of the group sent an assignment of ${bytes.length} bytes`
  return new LogError('INVALID_REQUEST', `${what} that is not ours: all members must be healstream`)
}
