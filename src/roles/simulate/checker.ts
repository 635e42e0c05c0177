// Looks at the log while the cluster runs, as an outsider: folds every journal in a single thread
// and compares with what is visible. It lags behind a little, so that what a journal speaks of is
// there when it is looked at. Invariants I1 to I5 and I8 of the reference, the acknowledged history
// of clients, and the order of commands.
import type { Transport } from '../../adapters/client/protocol.ts'
import { partitionKey } from '../../adapters/client/protocol.ts'
import type { Decoder, Encoder } from '../../contracts/decode.ts'
import { decodeEntry } from '../../contracts/journal-codec.ts'
import { type InputPosition, type JournalEntry, NO_HASH } from '../../contracts/journal.ts'
import { topicName, type TopicKind } from '../../contracts/topics.ts'
import { encodeUtf8 } from '../../contracts/utf8.ts'
import { hex } from '../../core/kernel/canonical.ts'
import type { CreateCore, Output, OutputTopic } from '../../core/kernel/step.ts'
import { bytesOf, printOf, type SeenBatch, type SeenRecord } from './batches.ts'
import { CommandOrder } from './commands.ts'
import { Fold, placeOf, sha256 } from './fold.ts'
import { type GuardCounts, GuardWatch } from './guard-watch.ts'
import type { History } from './history.ts'
import { LeaseOrder } from './leases.ts'
import { Stored } from './stored.ts'

export interface CheckedTask {
  readonly task: string
  readonly partition: number
  readonly journal: TopicKind
  /** Where its images go. */
  readonly images: readonly (
    | 'snapshots'
    | 'checkpoints'
    | 'fleet-snapshots'
    | 'fleet-checkpoints'
  )[]
  readonly inputs: readonly Pick<InputPosition, 'topic' | 'partition'>[]
  readonly createCore: CreateCore
}

export interface CheckerOptions {
  readonly ask: Transport
  readonly decoder: Decoder
  readonly encoder: Encoder
  readonly prefix: string
  readonly partitions: number
  readonly tasks: readonly CheckedTask[]
  readonly history: History
  readonly problem: (what: string) => void
  /** A value of this print was spoilt on its way to the log, and is not to be believed. */
  readonly isRotten: (print: number) => boolean
  /** Log time from which everything has to be used promptly; Infinity: not yet. */
  readonly promptFromMs: () => number
}

const OUTPUT_TOPICS: readonly OutputTopic[] = [
  'commands',
  'incidents',
  'health',
  'registry',
  'observations',
  'alerts',
  'dlq',
  'fleet',
]
/** A record is stepped so long after its append at the latest, once all is well again. */
const PROMPT_MS = 1_000
/** The time of a step is never later than the append of its entry; clocks drift a little. */
const AHEAD_MS = 20
/** And its step is committed so much later at the latest: one phase, and a commit. */
const COMMIT_MS = 2_500

interface Expected {
  readonly key: string
  /** Prints of key and value. */
  readonly prints: string
}

interface Watched {
  readonly spec: CheckedTask
  /** Inputs may be those of another task too: each has its own eye on them. */
  readonly stored: Stored
  readonly fold: Fold
  readonly guards: GuardWatch
  readonly inputs: ReadonlyMap<string, SeenBatch[]>
  /** Digests that images claim, by the last step in them. */
  readonly claims: Map<number, string>
  readonly entries: { readonly atMs: number; readonly entry: JournalEntry }[]
  tip: Uint8Array
  /** Append time of the entry being folded. */
  atMs: number
  /** Log time of the step being folded. */
  nowMs: number
}

export interface CheckerFigures {
  steps: number
  entries: number
  inputs: number
  outputs: number
  gens: number
  skips: number
  /** Images whose digest was compared. */
  images: number
  /** Worst lag once all was well, ms. */
  lagMs: number
}

export class Checker {
  readonly #options: CheckerOptions
  readonly #stored: Stored
  readonly #watched: readonly Watched[]
  readonly #expected = new Map<string, Expected[]>()
  readonly #seen = new Map<string, SeenRecord[]>()
  /** Prints of the input records there are, by partition and offset. */
  readonly #prints = new Map<string, Map<number, number>>()
  /** Dead letters of skips: those that must be there, and those that are. */
  readonly #lettersDue = new Set<string>()
  readonly #commands = new CommandOrder()
  readonly #leases = new LeaseOrder()
  readonly #letters = new Set<string>()
  readonly figures: CheckerFigures = {
    steps: 0,
    entries: 0,
    inputs: 0,
    outputs: 0,
    gens: 0,
    skips: 0,
    images: 0,
    lagMs: 0,
  }

  readonly guards: GuardCounts = {
    inferredActs: 0,
    pulseRefusals: 0,
    holdRefusals: 0,
    fleetTakeovers: 0,
  }

  constructor(options: CheckerOptions) {
    this.#options = options
    this.#stored = new Stored(options.ask)
    this.#watched = options.tasks.map((spec) => this.#watch(spec))
  }

  /** Takes down what is there of journals, inputs and images. */
  async read(): Promise<void> {
    for (const watched of this.#watched) {
      await this.#readJournal(watched)
      await this.#readInputs(watched)
      await this.#readImages(watched)
    }
  }

  /** Looks at everything that was committed before `untilMs` (append time). */
  async advance(untilMs: number): Promise<void> {
    await this.read()
    for (const watched of this.#watched) {
      while ((watched.entries[0]?.atMs ?? Infinity) < untilMs) {
        const next = watched.entries.shift()
        if (next === undefined) break
        watched.atMs = next.atMs
        this.figures.entries++
        watched.fold.next(next.entry)
        this.#compareImage(watched)
      }
    }
    for (const topic of OUTPUT_TOPICS)
      for (let partition = 0; partition < this.#options.partitions; partition++)
        await this.#compareOutputs(topic, partition)
    for (const wrong of this.#leases.problems(untilMs)) this.#options.problem(wrong)
  }

  /**
   * Everything has come to rest: nothing may be missing, and nothing left over. What came from
   * `untilMs` on (append time) was said by tasks to tasks that had ended.
   */
  async finish(untilMs: number): Promise<void> {
    await this.advance(Infinity)
    const { problem, history } = this.#options
    for (const { spec, fold, inputs, guards } of this.#watched) {
      this.figures.gens += fold.gen
      this.#tell(guards.rest())
      for (const [place, batches] of inputs) {
        const last = batches.findLast(({ timeMs }) => timeMs < untilMs)
        if (last !== undefined && fold.position(place) <= last.lastOffset)
          problem(`${spec.task}: ${place}@${last.lastOffset} is there and never used`)
      }
    }
    for (const [place, missing] of this.#expected)
      if (missing.length > 0)
        problem(`${place}: ${missing.length} outputs are not there, first ${missing[0]?.key}`)
    for (const [place, [extra]] of this.#seen)
      if (extra !== undefined)
        problem(`${place}@${extra.offset} is there, and the fold says nothing`)
    for (const wrong of this.#commands.problems()) problem(wrong)
    for (const letter of this.#lettersDue)
      if (!this.#letters.has(letter)) problem(`there is no dead letter of ${letter}`)
    for (const [place, acknowledged] of history.all) {
      const prints = this.#prints.get(place)
      const lost = [...acknowledged].filter(([at, print]) => prints?.get(at) !== print)
      if (lost.length > 0)
        problem(`${place}: ${lost.length} acknowledged records are lost, first @${lost[0]?.[0]}`)
    }
  }

  #watch(spec: CheckedTask): Watched {
    const { decoder, problem } = this.#options
    const inputs = new Map<string, SeenBatch[]>(spec.inputs.map((one) => [placeOf(one), []]))
    const fold = new Fold({
      task: spec.task,
      partition: spec.partition,
      inputs,
      createCore: spec.createCore,
      decoder,
      problem,
      heard: (topic, record) => this.#tell(watched.guards.heard(topic, record)),
      expect: (output, gen) => this.#expect(watched, output, gen),
      expectLetter: (topic, partition, to) => {
        this.figures.skips++
        const at = { topic: topicName(topic, this.#options.prefix), partition }
        this.#lettersDue.add(`${partitionKey(at)}@${to - 1}`)
      },
      stepped: ({ nowMs }, appendMs) => {
        this.figures.steps++
        watched.nowMs = nowMs
        if (nowMs > watched.atMs + AHEAD_MS)
          problem(`${spec.task}: step ${fold.seq} is ${nowMs - watched.atMs} ms ahead of the log`)
        if (appendMs >= this.#options.promptFromMs()) this.#checkLag(watched, nowMs, appendMs)
      },
    })
    const watched: Watched = {
      spec,
      stored: new Stored(this.#options.ask),
      fold,
      guards: new GuardWatch(spec.task, decoder, this.guards),
      inputs,
      claims: new Map(),
      entries: [],
      tip: NO_HASH,
      atMs: 0,
      nowMs: 0,
    }
    return watched
  }

  #checkLag({ spec, fold, atMs }: Watched, nowMs: number, appendMs: number): void {
    const { problem } = this.#options
    this.figures.lagMs = Math.max(this.figures.lagMs, nowMs - appendMs)
    if (nowMs - appendMs > PROMPT_MS)
      problem(`${spec.task}: step ${fold.seq} is ${nowMs - appendMs} ms behind, and all is well`)
    else if (atMs - appendMs > COMMIT_MS)
      problem(`${spec.task}: committed ${atMs - appendMs} ms after its input, and all is well`)
  }

  async #readJournal(watched: Watched): Promise<void> {
    const { prefix, problem } = this.#options
    const at = {
      topic: topicName(watched.spec.journal, prefix),
      partition: watched.spec.partition,
    }
    for (const record of await this.#stored.newRecords(at)) {
      const bytes = bytesOf(record, 'value') ?? new Uint8Array(0)
      const { entry, previous, hash } = decodeEntry(bytes, sha256)
      if (hex(previous) !== hex(watched.tip))
        problem(`${at.topic}-${at.partition}@${record.offset} does not follow the entry before`)
      watched.tip = hash
      watched.entries.push({ atMs: record.timestampMs, entry })
    }
  }

  async #readInputs({ spec, stored, inputs }: Watched): Promise<void> {
    for (const { topic, partition } of spec.inputs) {
      const batches = inputs.get(placeOf({ topic, partition })) ?? []
      const at = { topic: topicName(topic, this.#options.prefix), partition }
      const prints = this.#prints.get(partitionKey(at)) ?? new Map<number, number>()
      this.#prints.set(partitionKey(at), prints)
      for (const batch of await stored.newBatches(at)) {
        batches.push(batch)
        for (const record of batch.records ?? []) {
          this.figures.inputs++
          prints.set(record.offset, printOf(bytesOf(record, 'value')))
        }
      }
    }
  }

  /** I5: what an image claims to hold is what the fold has come to at its last step. */
  async #readImages({ spec, claims }: Watched): Promise<void> {
    for (const topic of spec.images) {
      const at = { topic: topicName(topic, this.#options.prefix), partition: spec.partition }
      for (const record of await this.#stored.newRecords(at)) {
        if (this.#options.isRotten(printOf(bytesOf(record, 'value')))) continue
        const decoded = this.#options.decoder.decode('snapshots', { ...record })
        const header = decoded.ok ? decoded.record.header : null
        if (header !== null) claims.set(header.step_seq, header.state_digest)
      }
    }
  }

  #compareImage({ spec, fold, claims }: Watched): void {
    const claimed = claims.get(fold.seq)
    if (claimed === undefined) return
    claims.delete(fold.seq)
    this.figures.images++
    if (fold.digest() !== claimed)
      this.#options.problem(`${spec.task}: the image of step ${fold.seq} is not the fold's state`)
  }

  #tell(wrong: string | null): void {
    if (wrong !== null) this.#options.problem(wrong)
  }

  #expect({ spec, atMs, nowMs, guards }: Watched, output: Output, gen: number): void {
    this.#tell(guards.wrote(output, nowMs))
    const { prefix } = this.#options
    const partition = output.partition ?? spec.partition
    const at = { topic: topicName(output.topic, prefix), partition }
    const list = this.#expected.get(partitionKey(at)) ?? []
    const value = encoded(this.#options.encoder, output, gen)
    if (output.topic === 'commands' && output.body !== null)
      this.#tell(this.#commands.add(output.body))
    if (output.topic === 'fleet' && output.body !== null)
      this.#leases.granted(partition, output.body, atMs)
    if (output.topic === 'observations' && output.body !== null)
      this.#leases.heard(partition, output.body, atMs)
    const prints = `${printOf(encodeUtf8(output.key))}:${printOf(value)}`
    list.push({ key: output.key, prints })
    this.#expected.set(partitionKey(at), list)
  }

  /** I3: what is visible is what the fold says, no more, and in its order. */
  async #compareOutputs(topic: OutputTopic, partition: number): Promise<void> {
    const at = { topic: topicName(topic, this.#options.prefix), partition }
    const key = partitionKey(at)
    const waiting = this.#seen.get(key) ?? []
    waiting.push(...(await this.#stored.newRecords(at)))
    const expected = this.#expected.get(key) ?? []
    while (waiting[0] !== undefined) {
      const [record] = waiting
      if (topic === 'dlq' && this.#isLetter(record)) {
        waiting.shift()
        continue
      }
      const found = `${printOf(bytesOf(record, 'key'))}:${printOf(bytesOf(record, 'value'))}`
      // Dead letters of two tasks may lie in one partition; of all else there is one writer.
      const at = topic === 'dlq' ? expected.findIndex(({ prints }) => prints === found) : 0
      const next = expected[at]
      if (next === undefined) break
      if (found !== next.prints)
        this.#options.problem(`${key}@${record.offset} is not what the fold says (${next.key})`)
      this.figures.outputs++
      waiting.shift()
      expected.splice(at, 1)
    }
    this.#seen.set(key, waiting)
  }

  /** The dead letter of a skip: checked against the journal, not against the core. */
  #isLetter(record: SeenRecord): boolean {
    const decoded = this.#options.decoder.decode('dlq', { ...record })
    if (!decoded.ok) return false
    const { stage, reason, origin_topic, origin_partition, origin_last_offset } = decoded.record
    if (stage !== 'poison' && reason !== 'unreadable_batch') return false
    const at = partitionKey({ topic: origin_topic, partition: origin_partition })
    this.#letters.add(`${at}@${origin_last_offset}`)
    return true
  }
}

/** As the engine seals it: its own count of fences is put in. */
function encoded(encoder: Encoder, output: Output, gen: number): Uint8Array | null {
  if (output.body === null) return null
  switch (output.topic) {
    case 'commands':
      return encoder.encode('commands', { ...output.body, gen })
    case 'observations':
      return encoder.encode('observations', { ...output.body, gen })
    case 'fleet':
      return encoder.encode('fleet', { ...output.body, gen })
    case 'incidents':
      return encoder.encode('incidents', output.body)
    case 'health':
      return encoder.encode('health', output.body)
    case 'registry':
      return encoder.encode('registry', output.body)
    case 'alerts':
      return encoder.encode('alerts', output.body)
    case 'dlq':
      return encoder.encode('dlq', output.body)
  }
}
