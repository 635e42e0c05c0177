// The agents of a fleet as one process, to be killed: sends what the fleet says through the
// product's idempotent producer, carries out commands, reads along what the workers commit, and
// writes down every fact (history.ts). Ends its sending by SIGTERM; whatever comes is then known.
//   agents.ts '{"brokers": […], "prefix": …, "partitions": …, "folder": …, "life": …, "seed": …}'
import { createKafkaLog } from '../../src/adapters/kafka/kafka-log.ts'
import { createSerde, type Serde } from '../../src/adapters/serde/serde.ts'
import type { OutgoingRecord, RecordView } from '../../src/contracts/record.ts'
import { topicKind, topicName, type TopicKind } from '../../src/contracts/topics.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { LogError } from '../../src/runtime/log-error.ts'
import type { IdempotentProducer, LogPort } from '../../src/runtime/ports.ts'
import { bytesOf, Fleet, policiesFor, type Saying } from './fleet.ts'
import { groupBy } from './group-by.ts'
import { type Fact, hashOf, HistoryWriter, readHistory } from './history.ts'

interface Options {
  readonly brokers: readonly string[]
  readonly prefix: string
  readonly partitions: number
  readonly folder: string
  readonly life: number
  readonly seed: number
}

const TICK_MS = 1_000
const SEND_DEADLINE_MS = 8_000
const FLUSH_MS = 10_000
/** Topics read along; commands are carried out too. */
const WATCHED: readonly TopicKind[] = ['commands', 'incidents', 'journal', 'health']

class Agents {
  readonly #options: Options
  readonly #log: LogPort
  readonly #serde: Serde
  readonly #history: HistoryWriter
  readonly #fleet: Fleet
  readonly #producers = new Map<string, IdempotentProducer>()
  readonly #busy = new Map<string, Promise<void>>()
  readonly #done: Set<string>
  readonly #stop = new AbortController()
  #next: number

  constructor(options: Options, serde: Serde) {
    this.#options = options
    this.#serde = serde
    const before = readHistory(options.folder).flat()
    this.#done = new Set(before.flatMap((fact) => (fact.k === 'act' ? [fact.command] : [])))
    this.#next = before.reduce(
      (most, fact) => (fact.k === 'try' ? Math.max(most, fact.id) : most),
      0,
    )
    const { brokers, folder, life, partitions, seed } = options
    this.#log = createKafkaLog({ brokers, clock: systemClock })
    this.#history = new HistoryWriter(folder, life)
    this.#fleet = new Fleet({ partitions, seed, epoch: life })
  }

  async run(): Promise<void> {
    const reading = this.#read()
    if (this.#options.life === 1) this.#say(policiesFor(this.#options.partitions))
    this.#say(this.#fleet.begin(Date.now()))
    const startMs = performance.now()
    for (let tick = 1; !this.#stop.signal.aborted; tick++) {
      const restMs = startMs + tick * TICK_MS - performance.now()
      await systemClock.sleep(Math.max(1, restMs), this.#stop.signal).catch(() => undefined)
      if (!this.#stop.signal.aborted) this.#say(this.#fleet.tick(Date.now()))
    }
    const flush = systemClock.sleep(FLUSH_MS)
    await Promise.race([Promise.all(this.#busy.values()), flush])
    await reading
    this.#history.close()
  }

  stop(): void {
    this.#stop.abort()
  }

  /** One request per partition and topic; telemetry that finds the one before under way is lost. */
  #say(said: readonly Saying[]): void {
    const groups = groupBy(said, (one) => `${one.topic} ${one.partition} ${one.key}`)
    for (const [key, group] of groups) {
      const before = this.#busy.get(key)
      if (before !== undefined && group[0]?.topic === 'telemetry') continue
      const sent = (before ?? Promise.resolve()).then(() => this.#send(key, group))
      this.#busy.set(key, sent)
      void sent.then(() => {
        if (this.#busy.get(key) === sent) this.#busy.delete(key)
      })
    }
  }

  async #send(key: string, group: readonly Saying[]): Promise<void> {
    const [first] = group
    if (first === undefined) return
    const records = group.map((one) => this.#record(one))
    const id = ++this.#next
    const { topic, partition: p } = first
    const h = records.map(({ value }) => hashOf(value))
    this.#history.write({ k: 'try', id, topic, p, by: key, h, ms: Date.now() })
    this.#history.write(await this.#outcome(key, id, records))
  }

  async #outcome(key: string, id: number, records: readonly OutgoingRecord[]): Promise<Fact> {
    const producer =
      this.#producers.get(key) ?? this.#log.producer({ deadlineMs: SEND_DEADLINE_MS })
    this.#producers.set(key, producer)
    try {
      const [appended] = await producer.send(records)
      const ms = Date.now()
      if (appended === undefined || appended.baseOffset < 0)
        return { k: 'info', id, code: 'PLACE_UNKNOWN', ms }
      return { k: 'ok', id, base: appended.baseOffset, last: appended.lastOffset, ms }
    } catch (error) {
      if (!(error instanceof LogError)) throw error
      const k = error.code === 'IN_DOUBT' ? 'info' : 'fail'
      return { k, id, code: error.code, ms: Date.now() }
    }
  }

  #record(one: Saying): OutgoingRecord {
    return {
      topic: topicName(one.topic, this.#options.prefix),
      partition: one.partition,
      key: Buffer.from(one.key),
      value: bytesOf(this.#serde, one),
      timestampMs: Date.now(),
    }
  }

  async #read(): Promise<void> {
    const { prefix, partitions } = this.#options
    const reader = this.#log.reader({ isolation: 'read_committed' })
    for (const kind of WATCHED)
      for (let partition = 0; partition < partitions; partition++)
        reader.assign({ topic: topicName(kind, prefix), partition }, 'earliest')
    while (!this.#stop.signal.aborted)
      try {
        for (const { topic, partition, batches, from } of await reader.poll(200)) {
          const kind = topicKind(topic, prefix)
          if (kind === null) continue
          const facts: Fact[] = []
          const place = { kind, partition }
          for (const batch of batches) batch.visit((view) => this.#see(place, view, facts), from)
          this.#history.write(...facts)
        }
      } catch (error) {
        if (!(error instanceof LogError)) throw error
        await systemClock.sleep(100)
      }
    await reader.close()
  }

  #see(
    { kind, partition: p }: { readonly kind: TopicKind; readonly partition: number },
    view: RecordView,
    facts: Fact[],
  ): void {
    const { offset: o, buffer, valueStart, valueEnd } = view
    const ms = Date.now()
    const value = valueStart < 0 ? null : buffer.subarray(valueStart, valueEnd)
    facts.push({ k: 'seen', topic: kind, p, o, h: hashOf(value), ms })
    if (kind !== 'commands') return
    const decoded = this.#serde.decode('commands', view)
    if (!decoded.ok || this.#done.has(decoded.record.command_id)) return
    if (!this.#fleet.accepts(decoded.record, ms)) return
    this.#done.add(decoded.record.command_id)
    facts.push({ k: 'act', command: decoded.record.command_id, p, o, ms })
  }
}

const options: Options = JSON.parse(process.argv[2] ?? '{}')
const agents = new Agents(options, await createSerde())
process.on('SIGTERM', () => agents.stop())
// Nobody is left who would end it.
process.stdin.on('end', () => process.exit(0)).resume()
await agents.run()
process.exit(0)
