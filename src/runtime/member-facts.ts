// What a member says about itself when it joins: which behaviours and snapshot formats it has, and
// how well it knows which task. The leader decides from that alone (assignment.ts).
//
// Layout: version (1) · round (2) · behaviour from, to (2 + 2) · format (2) · count (2) ·
//         count × {task (2) · flags (1: owned, 2: ready) · journal position (6)}, big-endian.

const METADATA_VERSION = 1
const HEAD_BYTES = 11
const TASK_BYTES = 9
const OWNED = 1
const READY = 2

export interface WarmTask {
  readonly task: number
  /** It runs there now; false: it is only followed. */
  readonly owned: boolean
  /** Followed to the end of its journal (or waited for long enough): it can be taken over. */
  readonly ready: boolean
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
  for (const [i, { task, owned, ready, position }] of facts.tasks.entries()) {
    const at = HEAD_BYTES + i * TASK_BYTES
    bytes.writeUInt16BE(task, at)
    bytes.writeUInt8((owned ? OWNED : 0) | (ready ? READY : 0), at + 2)
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
    const flags = bytes[at + 2] ?? 0
    return {
      task: bytes.readUInt16BE(at),
      owned: (flags & OWNED) !== 0,
      ready: (flags & READY) !== 0,
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
