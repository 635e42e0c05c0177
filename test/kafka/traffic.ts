// Records written without a pause while something happens to the brokers, each numbered, by an
// idempotent producer and a transactional writer; and the check that what was acknowledged is there
// once, in order, and that nothing else is there but what was in doubt, at most once.
import assert from 'node:assert/strict'
import { LogError, type LogErrorCode } from '../../src/runtime/log-error.ts'
import type {
  LogPort,
  LogReader,
  TopicPartition,
  TransactionalWriter,
} from '../../src/runtime/ports.ts'
import type { ConformanceRig } from '../conformance/rig.ts'
import { copied, records, text } from '../conformance/steps.ts'

/** What became of the values of one sequence in one partition. */
class Sequence {
  readonly at: TopicPartition
  readonly name: string
  readonly certain: string[] = []
  readonly doubtful = new Set<string>()
  #next = 0

  constructor(name: string, at: TopicPartition) {
    this.name = name
    this.at = at
  }

  next(): string {
    return `${this.name}:${this.#next++}`
  }

  note(value: string, code: LogErrorCode | null): void {
    if (code === null) this.certain.push(value)
    else if (code === 'IN_DOUBT') this.doubtful.add(value)
  }

  check(found: readonly string[]): void {
    const mine = found.filter((value) => value.startsWith(`${this.name}:`))
    const place = `${this.name} in ${this.at.topic}/${this.at.partition}`
    assert.equal(new Set(mine).size, mine.length, `${place}: something is there twice`)
    const rest = mine.filter((value) => !this.doubtful.has(value))
    assert.deepEqual(rest, this.certain, place)
  }
}

export interface TrafficOptions {
  readonly topic: string
  readonly partitions: number
  readonly transactionalId: string
  /** Of every send and commit. */
  readonly deadlineMs: number
}

/**
 * Errors that an outage may bring (FENCED: it was longer than the transaction may be); anything
 * else is a defect.
 */
const EXPECTED: ReadonlySet<LogErrorCode> = new Set([
  'ABORTED',
  'FENCED',
  'IN_DOUBT',
  'UNAVAILABLE',
])

export class Traffic {
  readonly #rig: Pick<ConformanceRig, 'clock'>
  readonly #log: LogPort
  readonly #options: TrafficOptions
  readonly #sequences: Sequence[] = []
  readonly #running: Promise<void>[]
  /** Ends of acknowledged writes, for the longest time without one. */
  readonly #doneMs = new Map<string, number[]>()
  readonly #seen = new Map<TopicPartition, string[]>()
  readonly codes = new Map<LogErrorCode, number>()
  #isStopping = false

  constructor(rig: Pick<ConformanceRig, 'clock'>, log: LogPort, options: TrafficOptions) {
    this.#rig = rig
    this.#log = log
    this.#options = options
    const places = Array.from({ length: options.partitions }, (_, partition) => ({
      topic: options.topic,
      partition,
    }))
    const writers = [...places.map(({ partition }) => `send ${partition}`), 'commit']
    for (const name of writers) this.#doneMs.set(name, [])
    this.#running = [...places.map((at) => this.#send(at)), this.#commit(places)]
    this.#running.push(this.#read(places))
    for (const one of this.#running) one.catch(() => {})
  }

  get topic(): string {
    return this.#options.topic
  }

  /** Acknowledged writes so far. */
  get count(): number {
    return this.#sequences.reduce((sum, { certain }) => sum + certain.length, 0)
  }

  /** Longest time in which a writer had no write acknowledged. */
  get longestGapMs(): number {
    const gaps = [...this.#doneMs.values()].flatMap((times) =>
      times.slice(1).map((ms, i) => ms - (times[i] ?? ms)),
    )
    return Math.max(0, ...gaps)
  }

  /** Returns when every writer has had `more` further writes acknowledged. */
  async flows(more: number = 5): Promise<void> {
    const goals = new Map([...this.#doneMs].map(([name, times]) => [name, times.length + more]))
    const endMs = this.#rig.clock.monotonicMs() + 60_000
    const isThere = (): boolean =>
      [...goals].every(([name, goal]) => (this.#doneMs.get(name)?.length ?? 0) >= goal)
    while (!isThere()) {
      const counts = [...this.#doneMs].map(([name, times]) => `${name} ${times.length}`).join()
      assert.ok(this.#rig.clock.monotonicMs() < endMs, `no more writes: ${counts}`)
      await Promise.race([this.#rig.clock.sleep(20), ...this.#running])
    }
  }

  /** Ends all of it, waits for what is under way, and compares. */
  async check(): Promise<void> {
    this.#isStopping = true
    await Promise.all(this.#running)
    for (const sequence of this.#sequences) {
      const found = [...this.#seen].find(([at]) => at.partition === sequence.at.partition)
      sequence.check(found?.[1] ?? [])
    }
  }

  async #send(at: TopicPartition): Promise<void> {
    const sequence = this.#sequence(`send ${at.partition}`, at)
    const producer = this.#log.producer({ deadlineMs: this.#options.deadlineMs })
    while (!this.#isStopping) {
      const value = sequence.next()
      const code = await this.#outcome(producer.send(records(this.#rig, at, [value])))
      sequence.note(value, code)
      this.#tell(sequence.name, code)
    }
  }

  async #commit(places: readonly TopicPartition[]): Promise<void> {
    const { transactionalId, deadlineMs } = this.#options
    const all = places.map((at) => this.#sequence(`commit ${at.partition}`, at))
    const writer = this.#log.writer({ transactionalId, transactionTimeoutMs: 5_000, deadlineMs })
    await this.#fence(writer)
    while (!this.#isStopping) {
      const values = all.map((sequence) => sequence.next())
      const out = all.flatMap(({ at }, i) => records(this.#rig, at, [values[i] ?? '']))
      const code = await this.#outcome(writer.commit(out))
      for (const [i, sequence] of all.entries()) sequence.note(values[i] ?? '', code)
      this.#tell('commit', code)
      if (code !== null) await this.#fence(writer)
    }
  }

  async #fence(writer: TransactionalWriter): Promise<void> {
    while ((await this.#outcome(writer.fence())) !== null) await this.#rig.clock.sleep(50)
  }

  /** Reads along all the time: a reader has to live through the same. */
  async #read(places: readonly TopicPartition[]): Promise<void> {
    const reader = this.#log.reader({ isolation: 'read_committed' })
    for (const at of places) {
      this.#seen.set(at, [])
      reader.assign(at, 'earliest')
    }
    while (!this.#isStopping) await this.#poll(reader)
    await Promise.all(this.#running.slice(0, -1))
    const ends = await this.#log.admin().offsets(places, 'latest', 'read_uncommitted')
    const endMs = this.#rig.clock.monotonicMs() + 30_000
    while (places.some((at, i) => (reader.position(at) ?? 0) < (ends[i] ?? 0))) {
      assert.ok(this.#rig.clock.monotonicMs() < endMs, 'the reader does not reach the end')
      await this.#poll(reader)
    }
  }

  async #poll(reader: LogReader): Promise<void> {
    try {
      for (const part of await reader.poll(200)) {
        const [, found] = [...this.#seen].find(([at]) => at.partition === part.partition) ?? []
        found?.push(...copied([part]).map(({ value }) => text(value) ?? ''))
      }
    } catch (error) {
      if (!(error instanceof LogError) || error.code !== 'UNAVAILABLE') throw error
      await this.#rig.clock.sleep(50)
    }
  }

  #sequence(name: string, at: TopicPartition): Sequence {
    const sequence = new Sequence(name, at)
    this.#sequences.push(sequence)
    return sequence
  }

  #tell(name: string, code: LogErrorCode | null): void {
    if (code === null) this.#doneMs.get(name)?.push(this.#rig.clock.monotonicMs())
  }

  async #outcome(write: Promise<unknown>): Promise<LogErrorCode | null> {
    try {
      await write
      return null
    } catch (error) {
      if (!(error instanceof LogError) || !EXPECTED.has(error.code)) throw error
      this.codes.set(error.code, (this.codes.get(error.code) ?? 0) + 1)
      return error.code
    }
  }
}
