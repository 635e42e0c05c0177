// What readers of the workers' topics see against what the journals say: every output of a
// committed step is there once, in order, byte for byte, and nothing else is (I3); who writes a
// partition never comes back after somebody newer has (I4); and whoever read along with
// read_committed was given exactly that, each record once, in order, not before its transaction had
// ended.
import { type TopicKind, TOPICS } from '../../../src/contracts/topics.ts'
import { groupBy } from '../group-by.ts'
import { hashOf, type Life, type Seen } from '../history.ts'
import { isVisible, type Rec, recordsOf, type Settled } from './batches.ts'
import type { Collected, PartitionLog } from './collect.ts'
import type { Expected, Folded } from './fold.ts'
import type { CheckName, Violation } from './violation.ts'

/** Topics that tasks alone write. */
const WRITTEN: readonly TopicKind[] = TOPICS.filter(
  ({ input, kind }) => !input || kind === 'fleet',
).map(({ kind }) => kind)
/** Outputs of steps; the others hold the engine's own records. */
const OUTPUTS: readonly Expected['topic'][] = [
  'commands',
  'incidents',
  'health',
  'registry',
  'observations',
  'alerts',
  'dlq',
  'fleet',
]
/** Markers and readers are timed by processes of one machine. */
const CLOCK_MS = 20

/** Of a step's output: task, step, place. Letters of skipped records are named otherwise. */
const STEP_ID = /^[^-]+-\d+-\d+$/

export function checkOutputs(collected: Collected, folds: readonly Folded[]): readonly Violation[] {
  const tasks = new Map(folds.map((fold) => [fold.task, fold]))
  const outputs = folds.flatMap((fold) => fold.outputs.map((output) => ({ fold, output })))
  const expected = groupBy(
    outputs,
    ({ fold, output }) => `${fold.task} ${output.topic}-${output.partition}`,
  )
  const found = new Set<string>()
  const violations: Violation[] = []
  for (const { topic, partition, settled } of collected.logs) {
    if (!OUTPUTS.some((each) => each === topic)) continue
    const visible = settled.filter(isVisible).flatMap(({ batch }) => recordsOf(batch))
    const actual = groupBy(visible, taskOf)
    for (const [task, records] of actual) {
      const key = `${task} ${topic}-${partition}`
      const steps = records.filter(({ headers }) => STEP_ID.test(headers.get('ce_id') ?? ''))
      const wanted = (expected.get(key) ?? []).map(({ output }) => output)
      violations.push(...compare(key, wanted, steps))
      const others = records.length - steps.length
      if (others > (tasks.get(task)?.skipped ?? 0))
        violations.push({ check: 'I3 outputs', place: key, what: `${others} records of no step` })
      found.add(key)
    }
  }
  for (const [place, all] of expected)
    if (!found.has(place))
      violations.push({ check: 'I3 outputs', place, what: `all ${all.length} are missing` })
  return violations
}

/** The task that says it wrote it. */
function taskOf({ headers }: Rec): string {
  return /[^/]+$/.exec(headers.get('ce_source') ?? '')?.[0] ?? 'nobody'
}

function compare(
  place: string,
  expected: readonly Expected[],
  actual: readonly Rec[],
): readonly Violation[] {
  const seen = new Set<string>()
  for (const { headers, offset } of actual) {
    const id = headers.get('ce_id') ?? ''
    if (seen.has(id))
      return [{ check: 'duplicate', place, what: `${id} is there again, ${offset}` }]
    seen.add(id)
  }
  for (const [i, wanted] of expected.entries()) {
    const record = actual[i]
    const problem = record === undefined ? 'the log ends before' : differs(wanted, record)
    if (problem !== null)
      return [{ check: 'I3 outputs', place, what: `output ${wanted.id}: ${problem}` }]
  }
  const extra = actual[expected.length]
  if (extra === undefined) return []
  const what = `${extra.headers.get('ce_id')} at ${extra.offset} is of no committed step`
  return [{ check: 'I3 outputs', place, what }]
}

function differs(wanted: Expected, record: Rec): string | null {
  const id = record.headers.get('ce_id')
  if (id !== wanted.id) return `${id} lies in its place, at ${record.offset}`
  if (record.key?.toString() !== wanted.key) return `key ${record.key?.toString()}`
  const bytes = (value: Buffer | null): string => value?.toString('hex') ?? 'none'
  return bytes(record.value) === bytes(wanted.value) ? null : `other bytes at ${record.offset}`
}

/** One writer at a time: a pair of id and epoch that was followed is over. */
export function checkEpochs(collected: Collected): readonly Violation[] {
  return collected.logs.flatMap(({ topic, partition, settled }) => {
    if (!WRITTEN.includes(topic)) return []
    const over = new Set<string>()
    const highest = new Map<number, number>()
    const violations: Violation[] = []
    let now = ''
    for (const { batch } of settled.filter(isVisible)) {
      const { producerId, producerEpoch, base } = batch
      const pair = `${producerId}/${producerEpoch}`
      if (pair !== now && now !== '') over.add(now)
      now = pair
      const isLower = producerEpoch < (highest.get(producerId) ?? -1)
      highest.set(producerId, Math.max(producerEpoch, highest.get(producerId) ?? -1))
      if (!over.has(pair) && !isLower) continue
      const what = `writer ${pair} again at ${base}`
      violations.push({ check: 'I4 epochs', place: `${topic}-${partition}`, what })
    }
    return violations
  })
}

export function checkReaders(collected: Collected, lives: readonly Life[]): readonly Violation[] {
  return lives.flatMap((life) => {
    const seen = life.filter((fact): fact is Seen => fact.k === 'seen')
    const bySource = groupBy(seen, ({ topic, p }) => `${topic}-${p}`)
    return [...bySource].flatMap(([place, seen]) => {
      const [first] = seen
      return first === undefined
        ? []
        : checkReader(place, collected.log(first.topic, first.p), seen)
    })
  })
}

interface Stored {
  readonly hash: string
  readonly settled: Settled
}

function checkReader(
  place: string,
  log: PartitionLog,
  seen: readonly Seen[],
): readonly Violation[] {
  const stored = new Map<number, Stored>()
  const visible: number[] = []
  for (const settled of log.settled)
    for (const { offset, value } of recordsOf(settled.batch)) {
      stored.set(offset, { hash: hashOf(value), settled })
      if (isVisible(settled)) visible.push(offset)
    }
  const violations: Violation[] = []
  let next = 0
  let before = -1
  for (const fact of seen) {
    const found = (check: CheckName, what: string): void => {
      violations.push({ check, place, what: `read at ${fact.o}: ${what}` })
    }
    const problem = readProblem(fact, stored.get(fact.o))
    if (problem !== null) found(...problem)
    if (fact.o <= before) found('nonmonotonic-poll', `${before} was read before`)
    while ((visible[next] ?? Infinity) < fact.o) {
      found('poll-skip', `${visible[next]} was never read`)
      next++
    }
    if (visible[next] === fact.o) next++
    before = Math.max(before, fact.o)
  }
  return violations
}

function readProblem(fact: Seen, stored: Stored | undefined): [CheckName, string] | null {
  if (stored === undefined) return ['I1 lost-write', 'the log has nothing there']
  const { fate, endedMs } = stored.settled
  if (fate === 'aborted') return ['G1a', 'its transaction was aborted']
  if (stored.hash !== fact.h) return ['inconsistent-offsets', 'the log has another value there']
  if (fate === 'open') return ['precommitted-read', 'its transaction has not ended']
  if (fate === 'committed' && endedMs > fact.ms + CLOCK_MS)
    return ['precommitted-read', `${endedMs - fact.ms} ms before its transaction ended`]
  return null
}

/** A command is carried out once, and only one that was committed. */
export function checkActs(lives: readonly Life[]): readonly Violation[] {
  const done = new Map<string, number>()
  return lives.flat().flatMap((fact): Violation[] => {
    if (fact.k !== 'act') return []
    const times = (done.get(fact.command) ?? 0) + 1
    done.set(fact.command, times)
    if (times === 1) return []
    const place = `commands-${fact.p}@${fact.o}`
    return [{ check: 'I12 applied-twice', place, what: `${fact.command}, time ${times}` }]
  })
}

export function checkBytes(collected: Collected): readonly Violation[] {
  return collected.logs.flatMap(({ topic, partition, batches }) =>
    batches.flatMap(({ damaged, base }): Violation[] =>
      damaged
        ? [{ check: 'damaged', place: `${topic}-${partition}@${base}`, what: 'wrong checksum' }]
        : [],
    ),
  )
}
