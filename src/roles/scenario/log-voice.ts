// The voice of a scenario on a real log: what its agents, instances and people say goes, in order
// and numbered as agents number, through one producer to the partitions where it belongs. While the
// log is away it waits.
import type { Encoder } from '../../contracts/decode.ts'
import { clusterId as toClusterId } from '../../contracts/ids.ts'
import { partitionFor } from '../../contracts/partitioner.ts'
import type { OutgoingRecord } from '../../contracts/record.ts'
import type {
  CommandResult,
  OperatorRecord,
  PolicyRecord,
  RecordOf,
  ServiceEvent,
  Signal,
  TelemetryDelta,
} from '../../contracts/records.ts'
import { topicName } from '../../contracts/topics.ts'
import { encodeUtf8 } from '../../contracts/utf8.ts'
import { toAllPartitions } from '../../runtime/broadcast.ts'
import { LogError } from '../../runtime/log-error.ts'
import type { Clock, IdempotentProducer, LogPort } from '../../runtime/ports.ts'
import { eventHeaders } from '../../runtime/record-headers.ts'
import type { Voice } from './voice.ts'

export interface LogVoiceOptions {
  readonly log: LogPort
  readonly encoder: Encoder
  readonly clock: Clock
  readonly prefix: string
  readonly partitions: number
  readonly clusterId: string
  /** The log does not take what is said, and asking again would not help. */
  readonly onTrouble: (error: unknown) => void
}

type EdgeTopic = 'telemetry' | 'signals' | 'results' | 'service-events'

interface Speaker {
  readonly agent: string | null
  readonly epoch: number
  readonly lane?: 'live' | 'backlog'
}

const SOURCE = '/scenario'
const BATCH_MAX = 256
const AGAIN_MS = 200

export class LogVoice implements Voice {
  readonly #options: LogVoiceOptions
  readonly #producer: IdempotentProducer
  readonly #sequences = new Map<string, number>()
  readonly #stop = new AbortController()
  #waiting: OutgoingRecord[] = []
  #sending: Promise<void> | null = null

  constructor(options: LogVoiceOptions) {
    this.#options = options
    this.#producer = options.log.producer()
  }

  get nowMs(): number {
    return this.#options.clock.nowMs()
  }

  telemetry(record: TelemetryDelta): void {
    this.#edge('telemetry', { ...record, seq: this.#next('telemetry', record) }, record.service)
  }

  signal(record: Signal): void {
    this.#edge('signals', { ...record, seq: this.#next('signals', record) }, record.service)
  }

  result(record: CommandResult): void {
    this.#edge('results', { ...record, seq: this.#next('results', record) }, record.service)
  }

  serviceEvent(record: ServiceEvent): void {
    const cluster_id = toClusterId(this.#options.clusterId)
    const seq = record.agent === null ? 0 : this.#next('service-events', record)
    this.#edge('service-events', { ...record, cluster_id, seq }, record.service_name)
  }

  policy(record: PolicyRecord): void {
    const body = { ...record, at_ms: this.nowMs }
    this.#say(toAllPartitions({ topic: 'policies', body }, { ...this.#options, source: SOURCE }))
  }

  operator(record: OperatorRecord): void {
    const body = { ...record, at_ms: this.nowMs }
    this.#say(toAllPartitions({ topic: 'operator', body }, { ...this.#options, source: SOURCE }))
  }

  twice(say: () => void): void {
    const held = this.#waiting.length
    say()
    this.#say(this.#waiting.slice(held))
  }

  /** What waits is given up. */
  async close(): Promise<void> {
    this.#stop.abort()
    this.#waiting = []
    await this.#sending
    await this.#producer.close()
  }

  #next(topic: EdgeTopic, { agent, epoch, lane = 'live' }: Speaker): number {
    const key = [topic, agent, epoch, lane].join('\n')
    const seq = (this.#sequences.get(key) ?? 0) + 1
    this.#sequences.set(key, seq)
    return seq
  }

  #edge<K extends EdgeTopic>(topic: K, body: RecordOf[K], service: string): void {
    const { encoder, clusterId, prefix, partitions } = this.#options
    const timeMs = this.nowMs
    const id = [topic, body.agent, body.epoch, body.seq].join('/')
    const headers = eventHeaders({ topic, id, source: SOURCE, timeMs, path: [clusterId] })
    const record: OutgoingRecord = {
      topic: topicName(topic, prefix),
      partition: partitionFor(service, partitions),
      key: encodeUtf8(service),
      value: encoder.encode(topic, body),
      headers,
      timestampMs: timeMs,
    }
    this.#say([record])
  }

  #say(records: readonly OutgoingRecord[]): void {
    if (this.#stop.signal.aborted) return
    this.#waiting.push(...records)
    this.#sending ??= this.#drain().finally(() => {
      this.#sending = null
    })
  }

  async #drain(): Promise<void> {
    // Records of the same turn go out together.
    await Promise.resolve()
    while (this.#waiting.length > 0) await this.#deliver(this.#waiting.splice(0, BATCH_MAX))
  }

  async #deliver(batch: readonly OutgoingRecord[]): Promise<void> {
    const { clock, onTrouble } = this.#options
    while (!this.#stop.signal.aborted) {
      try {
        await this.#producer.send(batch)
        return
      } catch (error) {
        const isPassing = error instanceof LogError && error.code === 'UNAVAILABLE'
        if (!isPassing) {
          if (!this.#stop.signal.aborted) onTrouble(error)
          return
        }
      }
      await clock.sleep(AGAIN_MS, this.#stop.signal).catch(() => undefined)
    }
  }
}
