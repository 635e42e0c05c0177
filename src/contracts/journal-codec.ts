// Bytes of a journal entry: "HJ" · layout · kind · hash of the entry before (32) · body · check
// (8). The check is the beginning of the SHA-256 of everything before it, so that the last entry,
// which no other vouches for yet, cannot be damaged unnoticed either; the whole SHA-256 is what the
// next entry holds.
import { HsError } from './failure.ts'
import { isIdBytes, type ClusterId, type TaskId } from './ids.ts'
import {
  DEFAULT_SCALE,
  ENTRY_BYTES_MAX,
  type FenceEntry,
  FORMAT_WITH_SCALE,
  type GapEntry,
  type GenesisEntry,
  HASH_BYTES,
  type InputPosition,
  JOURNAL_LAYOUT,
  type JournalEntry,
  type JournalStep,
  type OverrideEntry,
  type Sha256,
  type SkipEntry,
  type StepsEntry,
  TOPIC_CODES,
  type UpgradeEntry,
} from './journal.ts'
import { broken, EntryReader, EntryWriter } from './journal-bytes.ts'
import { type TopicKind, TOPICS } from './topics.ts'
import { encodeUtf8 } from './utf8.ts'

const MAGIC = [0x48, 0x4a] as const
const KINDS = ['genesis', 'fence', 'steps', 'skip', 'gap', 'upgrade', 'override'] as const
const PREFIX_BYTES = 4
const HEAD_BYTES: number = PREFIX_BYTES + HASH_BYTES
const CHECK_BYTES = 8
/** Largest size of the steps in one entry: what is left for them. */
export const STEPS_BYTES_MAX: number = ENTRY_BYTES_MAX - HEAD_BYTES - CHECK_BYTES - 128

const KIND_BY_CODE: ReadonlyMap<number, TopicKind> = new Map(
  TOPICS.map((topic) => [TOPIC_CODES[topic.kind], topic.kind]),
)

export interface EncodedEntry {
  readonly bytes: Uint8Array
  /** What the next entry holds as the hash of the one before. */
  readonly hash: Uint8Array
}

/**
 * Errors: HsError HS_INTERNAL when the entry is larger than ENTRY_BYTES_MAX (size accounting
 * failed).
 */
export function encodeEntry(
  entry: JournalEntry,
  previous: Uint8Array,
  sha256: Sha256,
): EncodedEntry {
  const out = new EntryWriter()
  out.byte(MAGIC[0]).byte(MAGIC[1]).byte(JOURNAL_LAYOUT).byte(KINDS.indexOf(entry.kind))
  out.raw(previous)
  writeBody(out, entry)
  const hash = sha256(out.done())
  const bytes = out.raw(hash.subarray(0, CHECK_BYTES)).done()
  if (bytes.length > ENTRY_BYTES_MAX)
    throw new HsError('HS_INTERNAL', `a journal entry of ${bytes.length} bytes`)
  return { bytes, hash: new Uint8Array(hash) }
}

export interface DecodedEntry {
  readonly entry: JournalEntry
  readonly previous: Uint8Array
  readonly hash: Uint8Array
}

/** Errors: HsError HS_CHAIN_BROKEN and nothing else, whatever the bytes are. */
export function decodeEntry(bytes: Uint8Array, sha256: Sha256): DecodedEntry {
  if (bytes.length > ENTRY_BYTES_MAX) throw broken(`an entry of ${bytes.length} bytes`)
  if (bytes.length < HEAD_BYTES + CHECK_BYTES) throw broken('shorter than the head of an entry')
  if (bytes[0] !== MAGIC[0] || bytes[1] !== MAGIC[1]) throw broken('not an entry of a journal')
  if (bytes[2] !== JOURNAL_LAYOUT)
    throw broken(`layout ${bytes[2]}, this build knows ${JOURNAL_LAYOUT}`)
  const end = bytes.length - CHECK_BYTES
  const hash = new Uint8Array(sha256(bytes.subarray(0, end)))
  for (let i = 0; i < CHECK_BYTES; i++)
    if (bytes[end + i] !== hash[i]) throw broken('the check at its end is not that of its bytes')
  const kind = KINDS[bytes[3] ?? KINDS.length]
  if (kind === undefined) throw broken(`kind ${bytes[3]} is not known`)
  const previous = new Uint8Array(bytes.subarray(PREFIX_BYTES, HEAD_BYTES))
  const body = new EntryReader(bytes, HEAD_BYTES, end)
  const entry = READERS[kind](body)
  body.finish()
  return { entry, previous, hash }
}

function writeBody(out: EntryWriter, entry: JournalEntry): void {
  switch (entry.kind) {
    case 'genesis':
      return writeGenesis(out, entry)
    case 'fence':
      return writeFence(out, entry)
    case 'steps':
      return writeSteps(out, entry)
    case 'skip':
      writePosition(out, entry.record)
      out.number(entry.from).text(entry.reason)
      return
    case 'gap':
      writePosition(out, { topic: entry.topic, partition: entry.partition, offset: entry.from })
      out.number(entry.to).text(entry.by)
      return
    case 'upgrade':
      out.number(entry.behaviour).number(entry.format)
      return
    case 'override':
      out.text(entry.why).text(entry.who)
  }
}

const READERS: Readonly<Record<JournalEntry['kind'], (body: EntryReader) => JournalEntry>> = {
  genesis: readGenesis,
  fence: readFence,
  steps: readSteps,
  skip: readSkip,
  gap: readGap,
  upgrade: (body): UpgradeEntry => ({
    kind: 'upgrade',
    behaviour: body.number(),
    format: body.number(),
  }),
  override: (body): OverrideEntry => ({ kind: 'override', why: body.text(), who: body.text() }),
}

function writeGenesis(out: EntryWriter, entry: GenesisEntry): void {
  out.text(entry.clusterId).text(entry.task).number(entry.partitions).text(entry.prefix)
  writePositions(out, entry.positions)
  out.number(entry.behaviour).number(entry.format).flag(entry.dev).number(entry.atMs)
  out.flag(entry.lastTip !== null)
  if (entry.lastTip !== null) out.number(entry.lastTip.offset).raw(entry.lastTip.hash)
  if (entry.format >= FORMAT_WITH_SCALE) out.number(entry.scale)
}

function readGenesis(body: EntryReader): GenesisEntry {
  const genesis = {
    kind: 'genesis',
    clusterId: readId(body) as ClusterId,
    task: readId(body) as TaskId,
    partitions: body.number(),
    prefix: body.text(),
    positions: readPositions(body),
    behaviour: body.number(),
    format: body.number(),
    dev: body.flag(),
    atMs: body.number(),
    lastTip: body.flag() ? { offset: body.number(), hash: body.raw(HASH_BYTES) } : null,
  } as const
  const scale = genesis.format < FORMAT_WITH_SCALE ? DEFAULT_SCALE : body.number()
  if (scale !== 4 && scale !== 5) throw broken(`scale ${scale} of histograms is not known`)
  return { ...genesis, scale }
}

function writeFence(out: EntryWriter, entry: FenceEntry): void {
  out.number(entry.gen).text(entry.member).text(entry.group).number(entry.generation)
  out.number(entry.attempt).flag(entry.suspect !== null)
  if (entry.suspect !== null) writePosition(out, entry.suspect)
  writePositions(out, entry.positions)
  out.raw(entry.stateDigest)
}

function readFence(body: EntryReader): FenceEntry {
  return {
    kind: 'fence',
    gen: body.number(),
    member: body.text(),
    group: body.text(),
    generation: body.number(),
    attempt: body.number(),
    suspect: body.flag() ? readPosition(body) : null,
    positions: readPositions(body),
    stateDigest: body.raw(HASH_BYTES),
  }
}

function writeSteps(out: EntryWriter, entry: StepsEntry): void {
  const first = entry.steps[0]
  out.number(entry.steps.length)
  if (first !== undefined) {
    out.number(first.seq)
    let beforeMs = 0
    for (const step of entry.steps) {
      writeStep(out, step, beforeMs)
      beforeMs = step.nowMs
    }
  }
  out.number(entry.outputs).raw(entry.outputsDigest)
  out.flag(entry.stateDigest !== null)
  if (entry.stateDigest !== null) out.raw(entry.stateDigest)
  out.flag(entry.snapshot !== null)
  if (entry.snapshot !== null) out.number(entry.snapshot)
}

function writeStep(out: EntryWriter, step: JournalStep, beforeMs: number): void {
  out.number(step.nowMs - beforeMs).flag(step.behind)
  out.number(step.asOf.length)
  for (const { topic, atMs } of step.asOf) out.byte(TOPIC_CODES[topic]).number(atMs)
  out.number(step.slices.length)
  for (const { topic, partition, from, to, crc } of step.slices)
    out
      .byte(TOPIC_CODES[topic])
      .number(partition)
      .number(from)
      .number(to - from)
      .uint32(crc)
}

/** Upper bound of the bytes a step takes in an entry. */
export function stepBytes(step: JournalStep): number {
  return 8 + 1 + 2 + step.asOf.length * 9 + 2 + step.slices.length * (1 + 5 + 8 + 8 + 4)
}

function readSteps(body: EntryReader): StepsEntry {
  const count = body.count(4)
  const steps: JournalStep[] = []
  let seq = count > 0 ? body.number() : 0
  let nowMs = 0
  for (let i = 0; i < count; i++) {
    const step = readStep(body, seq++, nowMs)
    nowMs = step.nowMs
    steps.push(step)
  }
  return {
    kind: 'steps',
    steps,
    outputs: body.number(),
    outputsDigest: body.raw(HASH_BYTES),
    stateDigest: body.flag() ? body.raw(HASH_BYTES) : null,
    snapshot: body.flag() ? body.number() : null,
  }
}

function readStep(body: EntryReader, seq: number, beforeMs: number): JournalStep {
  const nowMs = beforeMs + body.number()
  const behind = body.flag()
  const asOf: { topic: TopicKind; atMs: number }[] = []
  for (let i = body.count(2); i > 0; i--) asOf.push({ topic: readTopic(body), atMs: body.number() })
  const slices = []
  for (let i = body.count(8); i > 0; i--) {
    const topic = readTopic(body)
    const partition = body.number()
    const from = body.number()
    slices.push({ topic, partition, from, to: from + body.number(), crc: body.uint32() })
  }
  return { seq, nowMs, behind, asOf, slices }
}

function readSkip(body: EntryReader): SkipEntry {
  const record = readPosition(body)
  return { kind: 'skip', record, from: body.number(), reason: body.text() }
}

function readGap(body: EntryReader): GapEntry {
  const { topic, partition, offset } = readPosition(body)
  return { kind: 'gap', topic, partition, from: offset, to: body.number(), by: body.text() }
}

function writePosition(out: EntryWriter, position: InputPosition): void {
  out.byte(TOPIC_CODES[position.topic]).number(position.partition).number(position.offset)
}

function readPosition(body: EntryReader): InputPosition {
  return { topic: readTopic(body), partition: body.number(), offset: body.number() }
}

function writePositions(out: EntryWriter, positions: readonly InputPosition[]): void {
  out.number(positions.length)
  for (const position of positions) writePosition(out, position)
}

function readPositions(body: EntryReader): InputPosition[] {
  const positions: InputPosition[] = []
  for (let i = body.count(3); i > 0; i--) positions.push(readPosition(body))
  return positions
}

function readTopic(body: EntryReader): TopicKind {
  const code = body.byte()
  const kind = KIND_BY_CODE.get(code)
  if (kind === undefined) throw broken(`topic code ${code} is not known`)
  return kind
}

function readId(body: EntryReader): string {
  const text = body.text()
  const bytes = encodeUtf8(text)
  if (!isIdBytes(bytes, 0, bytes.length)) throw broken('an id is not one')
  return text
}
