// One task: its real core, and the partitions that it reads. Records lie there as bytes of the real
// codec until the task's next step, which has read everything, unless its reader is stuck.
import { encodeUtf8 } from '../../../contracts/utf8.ts'
import type { RecordView, RecordVisitor } from '../../../contracts/record.ts'
import type { TopicKind } from '../../../contracts/topics.ts'
import type {
  CoreContext,
  CreateCore,
  Output,
  Slice,
  Step,
  TaskCore,
} from '../../../core/kernel/step.ts'

/** What a task reads, in the order of a step. */
export type Input = readonly [topic: TopicKind, partition: number]

interface Partition {
  readonly topic: TopicKind
  readonly partition: number
  end: number
  waiting: RecordView[]
}

export class Lane {
  /** Its reader does not get any further, since then; null: it does. */
  stuckSinceMs: number | null = null
  /** Its owner is gone: no steps. */
  stopped: boolean = false
  readonly #core: TaskCore
  readonly #partitions: readonly Partition[]
  readonly #topics: readonly TopicKind[]
  #wakeAtMs: number | null = 0
  #seq = 0

  constructor(create: CreateCore, context: CoreContext, inputs: readonly Input[]) {
    this.#core = create(context, null)
    this.#partitions = inputs.map(([topic, partition]) => {
      return { topic, partition, end: 0, waiting: [] }
    })
    this.#topics = [...new Set(inputs.map(([topic]) => topic))]
  }

  append(to: Input, key: string, value: Uint8Array, atMs: number): void {
    const [topic, partition] = to
    const found = this.#partitions.find((p) => p.topic === topic && p.partition === partition)
    if (found === undefined) return
    found.waiting.push(viewOf(found.end, encodeUtf8(key), value, atMs))
    found.end++
  }

  /** One step, if there is a reason for one. */
  step(nowMs: number): readonly Output[] {
    if (this.stopped) return []
    const slices = this.stuckSinceMs === null ? this.#take() : []
    const isDue = this.#wakeAtMs !== null && this.#wakeAtMs <= nowMs
    if (slices.length === 0 && !isDue) return []
    this.#seq++
    const { outputs, wakeAtMs } = this.#core.step({
      seq: this.#seq,
      nowMs,
      behind: false,
      asOf: this.#asOf(this.stuckSinceMs ?? nowMs),
      slices,
    })
    this.#wakeAtMs = wakeAtMs
    return outputs
  }

  #asOf(atMs: number): Step['asOf'] {
    return Object.fromEntries(this.#topics.map((topic) => [topic, atMs]))
  }

  #take(): readonly Slice[] {
    const slices: Slice[] = []
    for (const partition of this.#partitions) {
      const { waiting } = partition
      if (waiting.length === 0) continue
      partition.waiting = []
      slices.push(sliceOf(partition, waiting))
    }
    return slices
  }
}

function sliceOf({ topic, partition, end }: Partition, views: readonly RecordView[]): Slice {
  const visit = (visitor: RecordVisitor): void => views.forEach(visitor)
  return { topic, partition, from: end - views.length, to: end, visit }
}

function viewOf(
  offset: number,
  key: Uint8Array,
  value: Uint8Array,
  timestampMs: number,
): RecordView {
  const buffer = new Uint8Array(key.length + value.length)
  buffer.set(key)
  buffer.set(value, key.length)
  return {
    buffer,
    offset,
    timestampMs,
    keyStart: 0,
    keyEnd: key.length,
    valueStart: key.length,
    valueEnd: buffer.length,
    headersStart: buffer.length,
    headerCount: 0,
  }
}
