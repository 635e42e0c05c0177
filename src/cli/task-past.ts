// What the ends of journals do not tell. A task that has run for hours wrote its fence, and its
// behaviour, further back than `taskViews` looks: its newest snapshot has both, and the journal
// behind that snapshot says what has changed since.
import type { Decoder } from '../contracts/decode.ts'
import { HsError } from '../contracts/failure.ts'
import type { SnapshotPart } from '../contracts/records.ts'
import { topicName, type TopicKind } from '../contracts/topics.ts'
import { AssertionError } from '../core/kernel/assert.ts'
import { boundsOf, journalStart, readJournal } from '../runtime/journal.ts'
import type { LogPort, TopicPartition } from '../runtime/ports.ts'
import type { TaskSpec } from '../runtime/replay.ts'
import { specNamed } from '../runtime/resume.ts'
import { decodeHead } from '../runtime/snapshot-head.ts'
import { refusalOf, snapshotTopics } from '../runtime/snapshot-reader.ts'
import type { TaskView } from '../runtime/task-view.ts'
import { visitRange } from './read-range.ts'

/** Offsets of a topic of snapshots looked at first; a header comes last. */
const FIRST_WINDOW = 4
const WINDOW_GROWTH = 4

export interface PastOptions {
  readonly log: LogPort
  readonly prefix: string
  /** P. */
  readonly partitions: number
  /** Asked for once something has to be decoded; null: nothing can be. */
  readonly decoder: () => Promise<Decoder | null>
}

interface Past {
  readonly member: string
  readonly gen: number
  readonly attempt: number
  readonly behaviour: number
}

/** What cannot be found out stays as it is. Errors: LogError where the log does not answer. */
export async function withPast(
  views: readonly TaskView[],
  { log, prefix, partitions, decoder }: PastOptions,
): Promise<readonly TaskView[]> {
  if (!views.some(isCut)) return views
  const found = await decoder()
  if (found === null) return views
  const whole: TaskView[] = []
  for (const view of views) {
    const of = { log, prefix, decoder: found, spec: specNamed(view.task, partitions) }
    const past = isCut(view) ? await pastOf(of) : null
    whole.push(past === null ? view : joined(view, past))
  }
  return whole
}

const isCut = ({ gen, behaviour, reason, lastEntryMs }: TaskView): boolean =>
  (gen === 0 || behaviour === null) && reason === null && lastEntryMs !== null

function joined(view: TaskView, { member, gen, attempt, behaviour }: Past): TaskView {
  const told = { ...view, behaviour: view.behaviour ?? behaviour }
  if (view.gen > 0) return told
  const runs = view.condition === 'opening' && view.owner === member
  return { ...told, gen, attempt, condition: runs ? 'running' : view.condition }
}

interface Of {
  readonly log: LogPort
  readonly prefix: string
  readonly decoder: Decoder
  readonly spec: TaskSpec
}

async function pastOf(of: Of): Promise<Past | null> {
  const { snapshots, checkpoints } = snapshotTopics(of.spec)
  for (const kind of [snapshots, checkpoints]) {
    const past = await pastIn(of, kind).catch((error: unknown) => {
      const isBad = error instanceof HsError || error instanceof AssertionError
      if (isBad || refusalOf(error) !== null) return null
      throw error
    })
    if (past !== null) return past
  }
  return null
}

async function pastIn(of: Of, kind: TopicKind): Promise<Past | null> {
  const { log, prefix, spec } = of
  const at = { topic: topicName(kind, prefix), partition: spec.partition }
  const header = await newestHeader(of, at)
  if (header === null || header.task !== spec.task || header.prefix !== prefix) return null
  const [first] = await partsIn(of, at, { from: header.first_offset, to: header.first_offset + 1 })
  if (first === undefined || header.head_bytes > first.bytes.length) return null
  const head = decodeHead(first.bytes.subarray(0, header.head_bytes))
  const journal = { topic: topicName(spec.journal, prefix), partition: spec.partition }
  const { journal_offset: from, journal_hash: hash } = header
  if ((await journalStart(log, journal)) > from) return null
  let fence = head.lastFence
  let behaviour = head.behaviour
  for await (const one of readJournal(log, journal, { from })) {
    // Another history: that of a journal which was lost.
    if (one.offset === from && Buffer.from(one.hash).toString('hex') !== hash) return null
    if (one.entry.kind === 'fence') fence = one.entry
    else if (one.entry.kind === 'upgrade') behaviour = one.entry.behaviour
  }
  const { member, gen, attempt } = fence
  return { member, gen, attempt, behaviour }
}

/** null: there is none. */
async function newestHeader(of: Of, at: TopicPartition): Promise<SnapshotPart['header']> {
  const { start, end } = await boundsOf(of.log, at)
  for (let window = FIRST_WINDOW; ; window *= WINDOW_GROWTH) {
    const from = Math.max(start, end - window)
    const parts = await partsIn(of, at, { from, to: end })
    const header = parts.findLast((part) => part.header !== null)?.header ?? null
    if (header !== null || from === start) return header
  }
}

async function partsIn(
  { log, decoder }: Of,
  at: TopicPartition,
  range: { readonly from: number; readonly to: number },
): Promise<readonly SnapshotPart[]> {
  const parts: SnapshotPart[] = []
  await visitRange(log, at, range, (view) => {
    const decoded = decoder.decode('snapshots', view)
    if (decoded.ok) parts.push(decoded.record)
  })
  return parts
}
