// Who should own which task: a pure function of what the members say about themselves. Each task
// goes to one member, all topics of its partition number with it; no member has more than one task
// above any other; a task stays where it is unless that makes the shares uneven, and a task without
// an owner goes where its journal is known furthest (warmest). It is only a hint: the fence
// decides.
//
// Metadata layout: version (1) · round (2) · behaviour from, to (2 + 2) · format (2) · count (2) ·
//                  count × {task (2) · owned (1) · journal position (6)}, big-endian.
import { compareText } from '../core/kernel/order.ts'
import type { GroupMember } from './ports.ts'

const METADATA_VERSION = 1
const HEAD_BYTES = 11
const TASK_BYTES = 9

export interface WarmTask {
  readonly task: number
  /** It runs there now; false: it was only followed. */
  readonly owned: boolean
  /** Steps of its journal that the member knows. */
  readonly position: number
}

export interface MemberFacts {
  /**
   * Rises when the member wants a new round: a broker answers a follower whose metadata are the
   * same with the round there is.
   */
  readonly round: number
  readonly behaviourFrom: number
  readonly behaviourTo: number
  /** Newest snapshot format it writes. */
  readonly format: number
  readonly tasks: readonly WarmTask[]
}

const NOTHING: MemberFacts = { round: 0, behaviourFrom: 0, behaviourTo: 0, format: 0, tasks: [] }

export function encodeMetadata(facts: MemberFacts): Uint8Array {
  const bytes = Buffer.alloc(HEAD_BYTES + facts.tasks.length * TASK_BYTES)
  bytes.writeUInt8(METADATA_VERSION, 0)
  bytes.writeUInt16BE(facts.round & 0xffff, 1)
  bytes.writeUInt16BE(facts.behaviourFrom, 3)
  bytes.writeUInt16BE(facts.behaviourTo, 5)
  bytes.writeUInt16BE(facts.format, 7)
  bytes.writeUInt16BE(facts.tasks.length, 9)
  for (const [i, { task, owned, position }] of facts.tasks.entries()) {
    const at = HEAD_BYTES + i * TASK_BYTES
    bytes.writeUInt16BE(task, at)
    bytes.writeUInt8(owned ? 1 : 0, at + 2)
    bytes.writeUIntBE(position, at + 3, 6)
  }
  return new Uint8Array(bytes)
}

/** What cannot be read says nothing: the member gets tasks, but none of them counts as its own. */
export function decodeMetadata(metadata: Uint8Array): MemberFacts {
  const bytes = Buffer.from(metadata.buffer, metadata.byteOffset, metadata.length)
  if (bytes.length < HEAD_BYTES || bytes[0] !== METADATA_VERSION) return NOTHING
  const count = bytes.readUInt16BE(9)
  if (bytes.length !== HEAD_BYTES + count * TASK_BYTES) return NOTHING
  const tasks = Array.from({ length: count }, (_, i) => {
    const at = HEAD_BYTES + i * TASK_BYTES
    return {
      task: bytes.readUInt16BE(at),
      owned: bytes[at + 2] === 1,
      position: bytes.readUIntBE(at + 3, 6),
    }
  })
  return {
    round: bytes.readUInt16BE(1),
    behaviourFrom: bytes.readUInt16BE(3),
    behaviourTo: bytes.readUInt16BE(5),
    format: bytes.readUInt16BE(7),
    tasks,
  }
}

interface Share {
  readonly memberId: string
  readonly warm: ReadonlyMap<number, WarmTask>
  readonly tasks: number[]
}

/** Tasks 0 … `count` - 1 over the members; every member is in the answer. */
export function assignTasks(
  members: readonly GroupMember[],
  count: number,
): ReadonlyMap<string, readonly number[]> {
  const shares = members
    .map(({ memberId, metadata }): Share => {
      const known = decodeMetadata(metadata).tasks.map((warm) => [warm.task, warm] as const)
      return { memberId, warm: new Map(known), tasks: [] }
    })
    .sort((a, b) => compareText(a.memberId, b.memberId))
  const least = shares.length === 0 ? 0 : Math.floor(count / shares.length)
  let larger = count - least * shares.length
  const hasRoom = ({ tasks }: Share): boolean =>
    tasks.length < least || (tasks.length === least && larger > 0)
  const give = (share: Share, task: number): void => {
    if (share.tasks.length === least) larger--
    share.tasks.push(task)
  }
  const homeless: number[] = []
  for (let task = 0; task < count; task++) {
    const owner = best(shares, task, (warm) => warm.owned)
    if (owner !== null && hasRoom(owner)) give(owner, task)
    else homeless.push(task)
  }
  for (const task of homeless) {
    const open = shares.filter(hasRoom)
    const fewest = open.reduce((min, { tasks }) => Math.min(min, tasks.length), Infinity)
    const share = best(open, task, () => true) ?? open.find(({ tasks }) => tasks.length === fewest)
    if (share !== undefined) give(share, task)
  }
  return new Map(shares.map(({ memberId, tasks }) => [memberId, tasks.sort((a, b) => a - b)]))
}

/** The share that knows the task's journal furthest, among those whose knowledge counts. */
function best(
  shares: readonly Share[],
  task: number,
  counts: (warm: WarmTask) => boolean,
): Share | null {
  let found: { share: Share; position: number } | null = null
  for (const share of shares) {
    const warm = share.warm.get(task)
    if (warm === undefined || !counts(warm)) continue
    if (found === null || warm.position > found.position) found = { share, position: warm.position }
  }
  return found?.share ?? null
}
