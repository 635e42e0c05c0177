// Ruler of the bench of the windows: the same telemetry the way a service is plainly written. JSON
// messages in batches, a Map of objects, and for each instance two windows of 10 and 60 s as
// running totals over panes of a second; each second everybody's success rate and P99 are held
// against the limits. It keeps no services, no 300-s window, no silence, no peers, no incidents.
const SPANS = [10, 60]
const BATCH = 100
const SLOTS = 512
const LIMITS = { rate: 0.95, p99Slot: 320, samples: 20 }

/** @typedef {ReturnType<typeof import('./windows-load.mjs').drawDeltas>} Deltas */
/**
 * @typedef {{ span: number, n: number, errors: number, counts: number[] }} Window
 * @typedef {{ sec: number, n: number, errors: number, buckets: [number, number][] }} Pane
 * @typedef {{ instance: string, seq: number, heardMs: number, healthy: boolean,
 *   windows: Window[], panes: Pane[] }} Instance
 * @typedef {{ service: string, instance: string, agent: string, seq: number, tick_start_ms: number,
 *   n: number, errors: number, buckets: [number, number][] }} Message
 */

export class PlainService {
  /** @param {number} instances @param {Deltas} deltas */
  constructor(instances, deltas) {
    this.size = instances
    this.deltas = deltas
    /** @type {Map<string, Instance>} */
    this.instances = new Map()
    this.sec = 1_800_000_000
    this.turn = 0
    this.sick = 0
  }

  /** Batches of a second, as text; making them is the sender's work. */
  messages() {
    const texts = []
    for (let from = 0; from < this.size; from += BATCH) {
      const batch = []
      for (let i = from; i < Math.min(from + BATCH, this.size); i++) batch.push(this.message(i))
      texts.push(JSON.stringify(batch))
    }
    return texts
  }

  /** @param {number} i @returns {Message} */
  message(i) {
    const delta = this.deltas[this.turn++ % this.deltas.length]
    const service = `service-${Math.floor(i / 100)}`
    const instance = `${service}-7f9c4d8b6-x${i}`
    if (delta === undefined) throw new Error('there are no deltas')
    const { n, errors, bucketIndex, bucketCount } = delta
    const buckets = Array.from(bucketIndex, (index, k) => {
      return /** @type {[number, number]} */ ([index, bucketCount[k] ?? 0])
    })
    const who = { service, instance, agent: `agent-${instance}`, seq: this.sec }
    return { ...who, tick_start_ms: this.sec * 1_000 + ((i * 37) % 1_000), n, errors, buckets }
  }

  /** @param {readonly string[]} texts the messages of the second, which is over then */
  second(texts) {
    for (const text of texts) for (const message of JSON.parse(text)) this.fold(message)
    this.sec += 1
    for (const instance of this.instances.values()) this.judge(instance)
  }

  /** @param {Message} message */
  fold(message) {
    const { service, instance, seq, tick_start_ms: atMs, n, errors, buckets } = message
    const key = `${service}/${instance}`
    let held = this.instances.get(key)
    if (held === undefined) {
      const windows = SPANS.map((span) => {
        return { span, n: 0, errors: 0, counts: Array.from({ length: SLOTS }, () => 0) }
      })
      held = { instance, seq: 0, heardMs: 0, healthy: true, windows, panes: [] }
      this.instances.set(key, held)
    }
    if (seq <= held.seq) return
    held.seq = seq
    held.heardMs = atMs
    const pane = { sec: Math.floor(atMs / 1_000), n, errors, buckets }
    held.panes.push(pane)
    for (const window of held.windows) count(window, pane, 1)
  }

  /** @param {Instance} instance */
  judge(instance) {
    const { windows, panes } = instance
    for (const window of windows) {
      const left = panes.find(({ sec }) => sec === this.sec - window.span)
      if (left !== undefined) count(window, left, -1)
    }
    while ((panes[0]?.sec ?? this.sec) <= this.sec - 60) panes.shift()
    instance.healthy = windows.every((window) => isGood(window))
    if (!instance.healthy) this.sick += 1
  }
}

/** @param {Window} window @param {Pane} pane @param {1 | -1} sign */
function count(window, pane, sign) {
  window.n += sign * pane.n
  window.errors += sign * pane.errors
  for (const [index, more] of pane.buckets) {
    window.counts[index] = (window.counts[index] ?? 0) + sign * more
  }
}

/** @param {Window} window */
function isGood({ n, errors, counts }) {
  if (n < LIMITS.samples) return true
  if ((n - errors) / n <= LIMITS.rate) return false
  let above = Math.floor(n / 100)
  for (let slot = SLOTS - 1; slot >= 0; slot--) {
    above -= counts[slot] ?? 0
    if (above < 0) return slot < LIMITS.p99Slot
  }
  return true
}
