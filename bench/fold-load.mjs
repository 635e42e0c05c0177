// Load for the bench of the windows, one stage further: service tasks that fold admitted, decoded
// deltas, judge and decide as a worker has them do, without log, decoder and views.
import { createHash } from 'node:crypto'
import { INPUT_TOPICS } from '../dist/contracts/topics.js'
import { serviceId } from '../dist/contracts/ids.js'
import { BEHAVIOUR_LATEST } from '../dist/core/kernel/behaviour.js'
import { foldDelta } from '../dist/core/tasks/fold.js'
import { ServiceState } from '../dist/core/tasks/service-state.js'
import { judgeAndHeal } from '../dist/core/tasks/service-task.js'

const INSTANCES_PER_SERVICE = 100
/** One instance in so many fails every second request. */
const ILL_EVERY = 1_000
/** Of the others one delta in so many has a request that failed. */
const FAILING_EVERY = 50
/**
 * Different deltas: so few that they stay near the processor, as the one scratch does that a task
 * decodes into; no window is a multiple of it.
 */
const DIFFERENT = 127
/** Log time at which a fleet begins. */
const START_MS = 1_800_000_000_000
/** Of records that are never read. */
const VIEW = {
  buffer: new Uint8Array(0),
  offset: 0,
  timestampMs: 0,
  keyStart: -1,
  keyEnd: -1,
  valueStart: -1,
  valueEnd: -1,
  headersStart: 0,
  headerCount: 0,
}

/** @typedef {ReturnType<typeof import('./windows-load.mjs').drawDeltas>} Deltas */
/** @typedef {{ service: string, instance: string, agent: string, isIll: boolean }} Member */

/** @param {Uint8Array} bytes */
const sha256 = (bytes) => createHash('sha256').update(bytes).digest()

const decoder = {
  decode: () => {
    throw new Error('nothing is decoded here')
  },
  telemetry: () => {
    throw new Error('nothing is decoded here')
  },
}

/**
 * A delta as the decoder leaves it: written out, so that all have one hidden class.
 * @param {Deltas[number]} delta @param {number} errors
 */
function decodedOf({ n, scale, zeros, buckets, bucketIndex, bucketCount }, errors) {
  return {
    epoch: 1,
    seq: 1,
    incarnation: 1,
    n,
    errors,
    scale,
    zeros,
    buckets,
    bucketIndex,
    bucketCount,
    gaugesMask: 0,
    hasLogs: false,
    hasTasks: false,
    metrics: 0,
    isBare: true,
  }
}

/** Deltas of the well and of the ill. @param {Deltas} deltas */
function decoded(deltas) {
  const some = deltas.slice(0, DIFFERENT)
  return {
    well: some.map((delta, i) => decodedOf(delta, i % FAILING_EVERY === 0 ? 1 : 0)),
    ill: some.map((delta) => decodedOf(delta, delta.n / 2)),
  }
}

/** @param {number} instances @returns {Member[]} */
function membersOf(instances) {
  return Array.from({ length: instances }, (_, i) => {
    const service = serviceId(`service-${Math.floor(i / INSTANCES_PER_SERVICE)}`)
    const instance = `${service}-7f9c4d8b6-x${i}`
    return { service, instance, agent: `agent-${instance}`, isIll: i % ILL_EVERY === 7 }
  })
}

/** One service task; every instance one delta a second, one step a second. */
class FoldTask {
  /** @param {number} instances @param {ReturnType<typeof decoded>} deltas */
  constructor(instances, deltas) {
    const of = { clusterId: 'bench', taskId: 's0', partition: 0, partitionCount: 1 }
    const how = { behaviour: BEHAVIOUR_LATEST, scale: /** @type {4} */ (4), sha256, decoder }
    this.state = new ServiceState({ ...of, ...how })
    this.instances = instances
    this.deltas = deltas
    this.second = 0
    this.turn = 0
    const channels = membersOf(instances).map((member, slot) => {
      const identity = { epoch: 1, lane: 0, bytes: 0, serviceFrom: 0, serviceTo: 0 }
      const { isIll, ...names } = member
      return { channel: { slot, generation: 0, ...names, ...identity, bound: null }, isIll }
    })
    this.channels = channels.map(({ channel }) => channel)
    this.isIll = Uint8Array.from(channels, ({ isIll }) => (isIll ? 1 : 0))
    const [first] = this.channels
    const [scratch] = deltas.well
    if (first === undefined || scratch === undefined) throw new Error('there is nobody')
    const place = { topic: /** @type {const} */ ('telemetry'), partition: 0, offset: 0 }
    this.delta = { scratch, channel: first, caller: null, place, appendMs: 0, eventMs: 0 }
    this.incidentEvents = 0
  }

  /** A second begins: panes leave. */
  begin() {
    this.state.advance(this.nowMs())
  }

  nowMs() {
    return START_MS + 1_000 * this.second + 1_950
  }

  /** Deltas of a part of its instances. @param {number} from @param {number} to */
  fold(from, to) {
    const { state, channels, delta, deltas, isIll } = this
    const startMs = START_MS + 1_000 * this.second
    for (let i = from; i < to; i++) {
      const some = isIll[i] === 1 ? deltas.ill : deltas.well
      const channel = channels[i]
      const scratch = some[this.turn++ % some.length]
      if (channel === undefined || scratch === undefined) continue
      delta.scratch = scratch
      delta.channel = channel
      delta.place.offset += 1
      delta.eventMs = startMs + ((i * 37) % 1_000)
      delta.appendMs = delta.eventMs + 900
      foldDelta(state, /** @type {any} */ (delta), VIEW)
    }
  }

  /** The second is over. */
  judge() {
    const nowMs = this.nowMs()
    const asOf = Object.fromEntries(INPUT_TOPICS.map((topic) => [topic, nowMs]))
    this.second += 1
    const step = { seq: this.second, nowMs, behind: false, asOf, slices: [] }
    const { answer } = judgeAndHeal(this.state, step)
    this.incidentEvents += answer.outputs.length
  }

  step() {
    this.begin()
    this.fold(0, this.instances)
    this.judge()
    return this.instances
  }
}

/** The tasks of one process. */
export class FoldTasks {
  /** @param {number} instances @param {number} tasks @param {Deltas} deltas */
  constructor(instances, tasks, deltas) {
    const each = Math.round(instances / tasks)
    const made = decoded(deltas)
    this.tasks = Array.from({ length: tasks }, () => new FoldTask(each, made))
    this.instances = each * tasks
  }

  /** @param {number} seconds @returns {number} deltas */
  run(seconds) {
    let deltas = 0
    for (let i = 0; i < seconds; i++) for (const task of this.tasks) deltas += task.step()
    return deltas
  }

  /** What was decided so far, and how many are known to be well. */
  figures() {
    const groups = this.tasks.flatMap(({ state }) => [...state.services()])
    return {
      healthy: groups.reduce((sum, { healths }) => sum + healths.healthy, 0),
      unhealthy: groups.reduce((sum, { healths }) => sum + healths.unhealthy, 0),
      incidentEvents: this.tasks.reduce((sum, { incidentEvents }) => sum + incidentEvents, 0),
    }
  }
}
