// A core small enough to be checked by hand: it numbers every record it sees, chains them into a
// digest and says one alert for each. What a record's value asks for:
//   boom   the core throws      u…   urgent: commit at once      tick N   wake in N ms of log time
//   die    calls `onDie`: the test lets the whole process die there
import { createHash } from 'node:crypto'
import type { Decoder, Encoder } from '../../src/contracts/decode.ts'
import { eventId, serviceId } from '../../src/contracts/ids.ts'
import type { Alert, RecordOf } from '../../src/contracts/records.ts'
import { ImageReader, ImageWriter } from '../../src/core/kernel/image.ts'
import type {
  CoreContext,
  CreateCore,
  Outcome,
  Output,
  Step,
  TaskCore,
} from '../../src/core/kernel/step.ts'

export interface Toy {
  readonly createCore: CreateCore
  /** Steps made by all cores, replays included. */
  steps: number
  /** Empty steps among them. */
  ticks: number
  /** What a changed program would say: appended to every output. */
  flavour: string
  onDie: () => void
  /** Bytes by which its image is larger than it has to be. */
  ballast: number
  /** An image that it refuses to read: any, while set. */
  illiterate: boolean
  /** Behind marks seen, in order. */
  readonly behind: boolean[]
  readonly lastStep: { value: Step | null }
}

export function createToy(): Toy {
  const toy: Toy = {
    createCore: (context, image) => new ToyCore(context, toy, image),
    steps: 0,
    ticks: 0,
    flavour: '',
    ballast: 0,
    illiterate: false,
    onDie: () => undefined,
    behind: [],
    lastStep: { value: null },
  }
  return toy
}

function alert(summary: string, key: string, atMs: number): Alert {
  return {
    alert_id: eventId('toy'),
    fingerprint: 'toy',
    tier: 'low',
    state: 'firing',
    title: 'toy',
    summary,
    service: serviceId(key),
    instance: null,
    incident_id: null,
    labels: {},
    count: 1,
    since_ms: atMs,
    at_ms: atMs,
    runbook: null,
    rule: 'toy',
    annotations: {},
    route: 'digest',
    group: key,
    refresh: false,
    policy: null,
    policy_version: 0,
  }
}

class ToyCore implements TaskCore {
  readonly #context: CoreContext
  readonly #toy: Toy
  #count = 0
  #chain = ''
  #wakeAtMs: number | null = null
  #ballast: number

  constructor(context: CoreContext, toy: Toy, image: Uint8Array | null) {
    this.#context = context
    this.#toy = toy
    this.#ballast = toy.ballast
    if (image === null) return
    if (toy.illiterate) throw new Error('this toy cannot read')
    const reader = new ImageReader(image)
    this.#count = reader.int()
    this.#chain = reader.text()
    const wakeAtMs = reader.number()
    this.#wakeAtMs = wakeAtMs < 0 ? null : wakeAtMs
    this.#ballast = reader.blob().length
    reader.end()
  }

  step(step: Step): Outcome {
    this.#toy.steps++
    this.#toy.lastStep.value = step
    this.#toy.behind.push(step.behind)
    if (step.slices.length === 0) this.#toy.ticks++
    const outputs: Output[] = []
    let urgent = false
    const say = (summary: string): void => {
      const key = this.#context.taskId
      outputs.push({ topic: 'alerts', key, body: alert(summary, key, step.nowMs) })
    }
    if (this.#wakeAtMs !== null && step.nowMs >= this.#wakeAtMs) {
      this.#wakeAtMs = null
      say(`woken${this.#toy.flavour}`)
    }
    for (const slice of step.slices) {
      slice.visit((view) => {
        const value = Buffer.from(view.buffer.subarray(view.valueStart, view.valueEnd)).toString()
        if (value === 'boom') throw new Error('boom')
        if (value === 'die') this.#toy.onDie()
        if (value.startsWith('u')) urgent = true
        if (value.startsWith('tick ')) this.#wakeAtMs = step.nowMs + Number(value.slice(5))
        const text = toyLine(++this.#count, { topic: slice.topic, offset: view.offset, value })
        this.#chain = createHash('sha256').update(`${this.#chain}\n${text}`).digest('hex')
        say(text + this.#toy.flavour)
      })
    }
    return { outputs, urgent, wakeAtMs: this.#wakeAtMs }
  }

  image(): readonly Uint8Array[] {
    const writer = new ImageWriter().int(this.#count).text(this.#chain)
    const ballast = new Uint8Array(this.#ballast).fill(this.#count)
    return writer
      .number(this.#wakeAtMs ?? -1)
      .blob(ballast)
      .pieces()
  }

  setBehaviour(): void {
    this.#chain += 'upgraded'
  }
}

/** What the core says about its n-th record. */
export function toyLine(
  n: number,
  { topic, offset, value }: { topic: string; offset: number; value: string },
): string {
  return `${n} ${topic}@${offset} ${value}`
}

/** JSON instead of Avro: the engine never looks into a record. */
export const toyEncoder: Encoder = {
  encode: (_topic, record) =>
    Buffer.from(
      JSON.stringify(record, (_key, v: unknown) =>
        v instanceof Uint8Array ? Buffer.from(v).toString('base64') : v,
      ),
    ),
}

export const toyDecoder: Decoder = {
  telemetry: () => 'not_avro',
  decode: (topic, view) => {
    if (topic !== 'snapshots')
      return { ok: false, reason: 'not_avro', detail: 'the toy core reads bytes' }
    try {
      const text = Buffer.from(view.buffer.subarray(view.valueStart, view.valueEnd)).toString()
      const part: unknown = JSON.parse(text, (key, value: unknown) =>
        key === 'bytes' ? new Uint8Array(Buffer.from(String(value), 'base64')) : value,
      )
      return { ok: true, record: part as RecordOf[typeof topic] }
    } catch {
      return { ok: false, reason: 'corrupt', detail: 'no JSON' }
    }
  },
}
