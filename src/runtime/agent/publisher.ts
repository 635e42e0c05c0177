// The agent's way to the log: numbers each record (agent, epoch, lane, seq), encodes it, puts it in
// the partition of its service and sends in order, one request at a time. While the log is away
// records wait, in bounded memory: telemetry is given up first, what was done and who exists never.
import type { Encoder } from '../../contracts/decode.ts'
import type { AgentId } from '../../contracts/ids.ts'
import { partitionFor } from '../../contracts/partitioner.ts'
import type { OutgoingRecord } from '../../contracts/record.ts'
import type {
  CommandResult,
  ServiceEvent,
  Signal,
  TelemetryDelta,
} from '../../contracts/records.ts'
import { topicName } from '../../contracts/topics.ts'
import { encodeUtf8 } from '../../contracts/utf8.ts'
import type { Instruments } from '../instruments.ts'
import { LogError, type LogErrorCode } from '../log-error.ts'
import type { Clock, IdempotentProducer } from '../ports.ts'
import { eventHeaders } from '../record-headers.ts'
import type { BrokerClock } from './broker-clock.ts'
import type { Ledger } from './ledger.ts'

type Unnumbered<T> = Omit<T, 'agent' | 'epoch' | 'lane' | 'seq'>

export interface PublisherOptions {
  readonly producer: IdempotentProducer
  readonly encoder: Encoder
  readonly clock: Clock
  readonly brokerClock: BrokerClock
  readonly instruments: Instruments
  readonly ledger: Ledger
  readonly agent: AgentId
  readonly clusterId: string
  readonly prefix: string
  readonly partitions: number
}

type EdgeTopic = 'telemetry' | 'signals' | 'results' | 'service-events'

interface Waiting {
  readonly topic: EdgeTopic
  readonly record: OutgoingRecord
  /** True: the log has it. False: it was given up. */
  readonly settle: (sent: boolean) => void
}

const WAITING_MAX = 8_192
const BATCH_MAX = 256
const BACKOFF_FIRST_MS = 100
const BACKOFF_MAX_MS = 1_000
/** Nothing was written, and asking again would not change that. */
const REFUSED: readonly LogErrorCode[] = ['TOO_LARGE', 'TIMESTAMP_REFUSED', 'INVALID_REQUEST']

export class Publisher {
  readonly #options: PublisherOptions
  #waiting: Waiting[] = []
  #sending: Promise<void> | null = null
  readonly #stop = new AbortController()

  constructor(options: PublisherOptions) {
    this.#options = options
  }

  telemetry(body: Unnumbered<TelemetryDelta>): Promise<boolean> {
    const delta = { ...body, ...this.#number() }
    return this.#send('telemetry', delta.service, delta.seq, (encoder) =>
      encoder.encode('telemetry', delta),
    )
  }

  signal(body: Unnumbered<Signal>): Promise<boolean> {
    const signal = { ...body, ...this.#number() }
    return this.#send('signals', signal.service, signal.seq, (encoder) =>
      encoder.encode('signals', signal),
    )
  }

  result(body: Unnumbered<CommandResult>): Promise<boolean> {
    const result = { ...body, ...this.#number() }
    return this.#send('results', result.service, result.seq, (encoder) =>
      encoder.encode('results', result),
    )
  }

  serviceEvent(body: Omit<ServiceEvent, 'agent' | 'epoch' | 'seq'>): Promise<boolean> {
    const { agent, epoch, seq } = this.#number()
    const event = { ...body, agent, epoch, seq }
    return this.#send('service-events', event.service_name, seq, (encoder) =>
      encoder.encode('service-events', event),
    )
  }

  /** Sends what waits, for at most `limitMs`; then what is left is given up. */
  async close(limitMs: number): Promise<void> {
    const timer = new AbortController()
    const late = this.#options.clock.sleep(limitMs, timer.signal).catch(() => undefined)
    await Promise.race([this.#sending ?? Promise.resolve(), late])
    timer.abort()
    this.#stop.abort()
    for (const { settle } of this.#waiting.splice(0)) settle(false)
    await this.#options.producer.close()
  }

  #number(): { agent: AgentId; epoch: number; lane: 'live'; seq: number } {
    const { agent, ledger } = this.#options
    return { agent, epoch: ledger.epoch, lane: 'live', seq: ledger.nextSeq() }
  }

  #send(
    topic: EdgeTopic,
    service: string,
    seq: number,
    encode: (encoder: Encoder) => Uint8Array,
  ): Promise<boolean> {
    const { encoder, clock, ledger, agent, clusterId, prefix, partitions } = this.#options
    const timestampMs = clock.nowMs()
    const id = `${agent}/${ledger.epoch}/live/${seq}`
    const source = `/agents/${encodeURIComponent(agent)}`
    const record: OutgoingRecord = {
      topic: topicName(topic, prefix),
      partition: partitionFor(service, partitions),
      key: encodeUtf8(service),
      value: encode(encoder),
      headers: eventHeaders({ topic, id, source, timeMs: timestampMs, path: [clusterId] }),
      timestampMs,
    }
    return new Promise((settle) => this.#enqueue({ topic, record, settle }))
  }

  #enqueue(waiting: Waiting): void {
    const full = this.#waiting.length >= WAITING_MAX && !this.#makeRoom()
    if (this.#stop.signal.aborted || (full && isExpendable(waiting.topic))) {
      waiting.settle(false)
      return
    }
    this.#waiting.push(waiting)
    this.#sending ??= this.#drain().finally(() => {
      this.#sending = null
    })
  }

  /** Gives up the oldest record that can be missed. */
  #makeRoom(): boolean {
    const at = this.#waiting.findIndex(({ topic }) => isExpendable(topic))
    if (at === -1) return false
    for (const { settle } of this.#waiting.splice(at, 1)) settle(false)
    return true
  }

  async #drain(): Promise<void> {
    // Records of the same turn go out together.
    await Promise.resolve()
    while (this.#waiting.length > 0 && !this.#stop.signal.aborted) {
      const batch = this.#waiting.splice(0, BATCH_MAX)
      const sent = await this.#deliver(batch)
      if (sent !== null) for (const { settle } of batch) settle(sent)
    }
  }

  /** True: sent; false: given up; null: each of the batch was settled by itself. */
  async #deliver(batch: readonly Waiting[]): Promise<boolean | null> {
    const { producer, clock, brokerClock, instruments } = this.#options
    for (let backoffMs = BACKOFF_FIRST_MS; ; backoffMs = Math.min(2 * backoffMs, BACKOFF_MAX_MS)) {
      try {
        const appended = await producer.send(batch.map(({ record }) => record))
        for (const { appendMs } of appended) if (appendMs !== null) brokerClock.observe(appendMs)
        return true
      } catch (error) {
        const code = error instanceof LogError ? error.code : 'INVALID_REQUEST'
        instruments.emit('agent_send_failed', { records: batch.length, reason: code })
        if (code === 'CLOSED' || this.#stop.signal.aborted) return false
        if (REFUSED.includes(code)) return batch.length === 1 ? false : await this.#singly(batch)
      }
      await clock.sleep(backoffMs, this.#stop.signal).catch(() => undefined)
    }
  }

  async #singly(batch: readonly Waiting[]): Promise<null> {
    for (const one of batch) one.settle((await this.#deliver([one])) ?? false)
    return null
  }
}

function isExpendable(topic: EdgeTopic): boolean {
  return topic === 'telemetry' || topic === 'signals'
}
