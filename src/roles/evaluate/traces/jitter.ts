// What agents and probers of healthy instances send over a bad network (S0-28): no fault anywhere,
// only messages that are lost (0 to 10 %, by link and by minute, in runs as well as singly) and
// late (0 to 300 ms each way, so that they overtake each other). Whoever alarms, alarms falsely.
import { Random } from '../../simulate/random.ts'

/** One message, or one question and its answer, in the order in which they were sent. */
export interface Message {
  readonly instance: number
  readonly kind: 'heartbeat' | 'probe'
  readonly sentMs: number
  /** When it has arrived, a probe when it has been answered; null: lost, there or back. */
  readonly arrivedMs: number | null
}

export interface JitterTrace {
  readonly seed: number
  readonly instances: number
  readonly durationMs: number
  readonly heartbeatMs: number
  readonly probeMs: number
  /** Of the windows that are judged: instances × minutes of them. */
  readonly windowMs: number
  readonly messages: readonly Message[]
}

const INSTANCES = 20
const MINUTES = 60
const MINUTE_MS = 60_000
const HEARTBEAT_MS = 1_000
const PROBE_MS = 1_000
const LOSS_MAX = 0.1
const DELAY_MAX_MS = 300
/** One link in three loses in runs of three on average instead of singly, as often all in all. */
const IN_RUNS = 1 / 3
const RUN_ENDS = 1 / 3

/** 20 instances × 60 minutes: 1,200 instance-windows. */
export function jitterOf(seed: number): JitterTrace {
  const random = new Random(`healstream trace jitter ${seed}`)
  const durationMs = MINUTES * MINUTE_MS
  const messages: Message[] = []
  for (let instance = 0; instance < INSTANCES; instance++) {
    const own = random.fork(`instance ${instance}`)
    const beats = new Link(own.fork('beats'))
    const probes = new Link(own.fork('probes'))
    const phase = own.int(0, HEARTBEAT_MS - 1)
    for (let atMs = phase; atMs < durationMs; atMs += HEARTBEAT_MS)
      messages.push({ instance, kind: 'heartbeat', sentMs: atMs, arrivedMs: beats.arrival(atMs) })
    for (let atMs = phase; atMs < durationMs; atMs += PROBE_MS) {
      const there = probes.arrival(atMs)
      const arrivedMs = there === null ? null : probes.arrival(there)
      messages.push({ instance, kind: 'probe', sentMs: atMs, arrivedMs })
    }
  }
  messages.sort((a, b) => a.sentMs - b.sentMs || a.instance - b.instance)
  const rates = { heartbeatMs: HEARTBEAT_MS, probeMs: PROBE_MS, windowMs: MINUTE_MS }
  return { seed, instances: INSTANCES, durationMs, ...rates, messages }
}

/** A way through the network, with weather that changes by the minute. */
class Link {
  readonly #random: Random
  readonly #inRuns: boolean
  #minute = -1
  #loss = 0
  #delayMs = 0
  #running = false

  constructor(random: Random) {
    this.#random = random
    this.#inRuns = random.chance(IN_RUNS)
  }

  arrival(sentMs: number): number | null {
    const minute = Math.floor(sentMs / MINUTE_MS)
    if (minute !== this.#minute) {
      this.#minute = minute
      this.#loss = this.#random.between(0, LOSS_MAX)
      this.#delayMs = this.#random.between(0, DELAY_MAX_MS)
    }
    const isLost = this.#inRuns ? this.#isInRun() : this.#random.chance(this.#loss)
    const delayMs = Math.round(this.#random.between(0, this.#delayMs))
    return isLost ? null : sentMs + delayMs
  }

  /** Runs begin so rarely that as many are lost as singly. */
  #isInRun(): boolean {
    const begins = (this.#loss * RUN_ENDS) / (1 - this.#loss)
    this.#running = this.#running ? !this.#random.chance(RUN_ENDS) : this.#random.chance(begins)
    return this.#running
  }
}
