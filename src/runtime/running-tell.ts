// What a running task tells of how it comes along: each step, each commit, and once a second how
// far each of its inputs is ahead of it, under the label words of kafka_exporter, which dashboards
// of Kafka know (ecosystem.md 1.3).
import type { TaskId } from '../contracts/ids.ts'
import { topicName } from '../contracts/topics.ts'
import type { ChainAnswer } from './chain.ts'
import type { Instruments } from './instruments.ts'
import type { RunOptions } from './run-options.ts'
import { recordsOf } from './running-read.ts'
import type { CheckedSlice, Lag } from './stepper.ts'

const LAG_EVERY_MS = 1_000

export class RunTeller {
  readonly #instruments: Instruments
  readonly #task: TaskId
  readonly #prefix: string
  readonly #group: string
  #lags: readonly Lag[] = []
  #toldAtMs = -Infinity

  constructor({ instruments, spec, seal, fence }: RunOptions) {
    this.#instruments = instruments
    this.#task = spec.task
    this.#prefix = seal.prefix
    this.#group = fence.group
  }

  stepped(seq: number, slices: readonly CheckedSlice[]): void {
    const records = recordsOf(slices)
    this.#instruments.emit('task_step', { task: this.#task, seq, records })
  }

  committed({ tookMs }: ChainAnswer, records: number): void {
    const seconds = tookMs / 1_000
    this.#instruments.emit('task_commit', { task: this.#task, records, ms: tookMs, seconds })
  }

  suspended(reason: string): void {
    this.#instruments.emit('task_suspended', { task: this.#task, reason })
  }

  /** Now and then, by the monotonic clock. */
  lag(lags: () => readonly Lag[], monotonicMs: number): void {
    if (monotonicMs - this.#toldAtMs < LAG_EVERY_MS) return
    this.#toldAtMs = monotonicMs
    this.#lags = lags()
    for (const one of this.#lags) this.#tell(one, one.offsets)
  }

  /** Somebody else goes on: what was told last is no longer so. */
  ended(): void {
    for (const one of this.#lags) this.#tell(one, null)
    this.#lags = []
  }

  #tell({ topic: kind, partition }: Lag, records: number | null): void {
    const topic = topicName(kind, this.#prefix)
    const place = { task: this.#task, consumergroup: this.#group, topic, partition }
    this.#instruments.emit('task_lag', { ...place, records })
  }
}
