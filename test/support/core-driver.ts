// Drives a task core as the engine does, without a log: records as real bytes of the real codec,
// log time in the test's hand. Used by the tests of the core and by the scenario scripts.
import { createHash } from 'node:crypto'
import { createSerde, type Serde } from '../../src/adapters/serde/serde.ts'
import { encodeUtf8 } from '../../src/contracts/utf8.ts'
import type { RecordView, RecordVisitor } from '../../src/contracts/record.ts'
import type { RecordOf } from '../../src/contracts/records.ts'
import { INPUT_TOPICS, type TopicKind } from '../../src/contracts/topics.ts'
import { BEHAVIOUR_FIRST } from '../../src/core/kernel/behaviour.ts'
import type {
  CoreContext,
  CreateCore,
  Outcome,
  Output,
  OutputTopic,
  Slice,
  Step,
  TaskCore,
} from '../../src/core/kernel/step.ts'
import { createServiceCore } from '../../src/core/tasks/service-task.ts'
import { imageOf } from './image.ts'

/** Log time at which drivers begin: a whole minute. */
export const START_MS = 1_800_000_000_000

export interface DriverOptions {
  readonly partition?: number
  readonly partitionCount?: number
  readonly core?: CreateCore
  readonly taskId?: string
  /** Topics it reads, in the order of a step; default: those of a service task. */
  readonly inputs?: readonly TopicKind[]
  /** Default: the first, which does without the fleet task. */
  readonly behaviour?: number
  /** Of the windows, as the genesis says; default 4. */
  readonly scale?: 4 | 5
}

export interface StepOptions {
  readonly behind?: boolean
  /** Default: everything has been read up to now. */
  readonly asOf?: Step['asOf']
}

interface Held {
  readonly offset: number
  readonly timestampMs: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
}

export type Written = { readonly atMs: number } & Output

let serdeMade: Promise<Serde> | undefined

/** The codec, made once. */
export function testSerde(): Promise<Serde> {
  serdeMade ??= createSerde()
  return serdeMade
}

export function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(bytes).digest())
}

export function testContext(serde: Serde, options: DriverOptions = {}): CoreContext {
  return {
    clusterId: 'cluster-a',
    taskId: options.taskId ?? 's0',
    partition: options.partition ?? 0,
    partitionCount: options.partitionCount ?? 1,
    behaviour: options.behaviour ?? BEHAVIOUR_FIRST,
    scale: options.scale ?? 4,
    sha256,
    decoder: serde,
  }
}

/** A slice over records held as bytes; one buffer per record. */
export function sliceOf(topic: TopicKind, partition: number, records: readonly Held[]): Slice {
  const from = records[0]?.offset ?? 0
  return {
    topic,
    partition,
    from,
    to: (records.at(-1)?.offset ?? from - 1) + 1,
    visit: (visitor: RecordVisitor) => {
      for (const record of records) visitor(viewOf(record))
    },
  }
}

export function viewOf({ offset, timestampMs, key, value }: Held): RecordView {
  const keySize = key?.length ?? 0
  const buffer = new Uint8Array(keySize + (value?.length ?? 0))
  if (key !== null) buffer.set(key)
  if (value !== null) buffer.set(value, keySize)
  return {
    buffer,
    offset,
    timestampMs,
    keyStart: key === null ? -1 : 0,
    keyEnd: key === null ? -1 : keySize,
    valueStart: value === null ? -1 : keySize,
    valueEnd: value === null ? -1 : buffer.length,
    headersStart: buffer.length,
    headerCount: 0,
  }
}

export class CoreDriver {
  core: TaskCore
  nowMs: number = START_MS
  last: Outcome = { outputs: [], urgent: false, wakeAtMs: null }
  steps: number = 0
  /** Everything the core ever wrote, with the log time of the step. */
  readonly written: Written[] = []
  private readonly serde: Serde
  private readonly options: DriverOptions
  private readonly partition: number
  private readonly inputs: readonly TopicKind[]
  private readonly waiting = new Map<TopicKind, Held[]>()
  private readonly offsets = new Map<TopicKind, number>()
  private readonly sequences = new Map<string, number>()

  constructor(serde: Serde, options: DriverOptions = {}) {
    this.serde = serde
    this.options = options
    this.partition = options.partition ?? 0
    this.inputs = options.inputs ?? INPUT_TOPICS
    this.core = this.made(null)
  }

  /** Goes on with a core made from the image of this one; returns the image. */
  reload(): Uint8Array {
    const image = imageOf(this.core)
    this.core = this.made(image)
    return image
  }

  /** Of the core's state, hex. */
  digest(): string {
    return createHash('sha256').update(imageOf(this.core)).digest('hex')
  }

  static async create(options: DriverOptions = {}): Promise<CoreDriver> {
    return new CoreDriver(await testSerde(), options)
  }

  /** Milliseconds since the driver began. */
  get sinceStartMs(): number {
    return this.nowMs - START_MS
  }

  /** Appends a record, to be read in the next step. */
  append<K extends keyof RecordOf & TopicKind>(topic: K, record: RecordOf[K], key: string): void {
    this.appendBytes(topic, encodeUtf8(key), this.serde.encode(topic, record))
  }

  appendBytes(topic: TopicKind, key: Uint8Array | null, value: Uint8Array | null): void {
    const offset = this.offsets.get(topic) ?? 0
    this.offsets.set(topic, offset + 1)
    const held = this.waiting.get(topic) ?? []
    held.push({ offset, timestampMs: this.nowMs, key, value })
    this.waiting.set(topic, held)
  }

  /** Appends a record of an agent with the next number of its sequence. */
  telemetry(record: RecordOf['telemetry']): void {
    const seq = this.nextSeq('telemetry', record)
    this.append('telemetry', { ...record, seq }, record.service)
  }

  signal(record: RecordOf['signals']): void {
    this.append('signals', { ...record, seq: this.nextSeq('signals', record) }, record.service)
  }

  serviceEvent(record: RecordOf['service-events']): void {
    const { agent, epoch } = record
    const seq = agent === null ? 0 : this.nextSeq('service-events', { agent, epoch, lane: 'live' })
    this.append('service-events', { ...record, seq }, record.service_name)
  }

  result(record: RecordOf['results']): void {
    this.append('results', { ...record, seq: this.nextSeq('results', record) }, record.service)
  }

  /** Everything that is appended meanwhile arrives a second time, as it was. */
  twice(append: () => void): void {
    const before = new Map([...this.waiting].map(([topic, held]) => [topic, held.length]))
    append()
    for (const [topic, held] of this.waiting) {
      for (const { key, value } of held.slice(before.get(topic) ?? 0)) {
        this.appendBytes(topic, key, value)
      }
    }
  }

  policy(record: RecordOf['policies']): void {
    this.append('policies', record, record.name)
  }

  operator(record: RecordOf['operator']): void {
    this.append('operator', record, record.id)
  }

  /** Lets log time pass without a step. */
  wait(ms: number): void {
    this.nowMs += ms
  }

  /** One step at the present log time over everything appended since the last. */
  step(options: StepOptions = {}): Outcome {
    return this.stepOver(this.takeSlices(), options)
  }

  /** What was appended since the last step, one slice per topic, in the order of a step. */
  takeSlices(): readonly Slice[] {
    const slices: Slice[] = []
    for (const topic of this.inputs) {
      const records = this.waiting.get(topic)
      if (records !== undefined) slices.push(sliceOf(topic, this.partition, records))
    }
    this.waiting.clear()
    return slices
  }

  stepOver(slices: readonly Slice[], options: StepOptions = {}): Outcome {
    const asOf = Object.fromEntries(this.inputs.map((topic) => [topic, this.nowMs]))
    this.steps += 1
    this.last = this.core.step({
      seq: this.steps,
      nowMs: this.nowMs,
      behind: options.behind ?? false,
      asOf: options.asOf ?? asOf,
      slices,
    })
    for (const output of this.last.outputs) this.written.push({ atMs: this.nowMs, ...output })
    return this.last
  }

  /** Lets `ms` pass, with the steps the core asks for and no others. */
  sleep(ms: number): void {
    const endMs = this.nowMs + ms
    for (let wakeMs = this.last.wakeAtMs; wakeMs !== null && wakeMs <= endMs; ) {
      this.nowMs = wakeMs
      wakeMs = this.step().wakeAtMs
    }
    this.nowMs = endMs
  }

  /** Bodies written to a topic, tombstones left out. */
  bodies<K extends OutputTopic>(topic: K): RecordOf[K][] {
    return this.written.flatMap((output) =>
      output.topic === topic && output.body !== null ? [output.body as RecordOf[K]] : [],
    )
  }

  /** The newest health view of an instance (null: of the service). */
  health(service: string, instance: string | null): RecordOf['health'] | undefined {
    return this.bodies('health').findLast((v) => v.service === service && v.instance === instance)
  }

  /** The newest registry view of an instance. */
  registry(service: string, instance: string | null): RecordOf['registry'] | undefined {
    return this.bodies('registry').findLast((v) => v.service === service && v.instance === instance)
  }

  private made(image: Uint8Array | null): TaskCore {
    const { core = createServiceCore } = this.options
    return core(testContext(this.serde, this.options), image)
  }

  private nextSeq(
    topic: TopicKind,
    { agent, epoch, lane }: { agent: string; epoch: number; lane: string },
  ): number {
    const key = [topic, agent, epoch, lane].join('\n')
    const seq = (this.sequences.get(key) ?? 0) + 1
    this.sequences.set(key, seq)
    return seq
  }
}
