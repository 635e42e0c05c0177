import { LogError } from '../../runtime/log-error.js'
import { refusalOf } from './refusals.js'
import { StepNames } from './step-names.js'
const FASTEST_MS = 0.15
const SLOWEST_MS = 1.2
/** So late a copy comes, or an answer. */
const LATE_MS = { min: 300, max: 6_000 }
export class Network {
  #world
  #random
  #trace
  #prefix
  #conditions
  #active = []
  #checkedMs = -1
  #nextChangeMs = 0
  constructor(world, parts) {
    this.#world = world
    this.#random = parts.random
    this.#trace = parts.trace
    this.#prefix = parts.prefix
    this.#conditions = parts.conditions
  }
  /** The way of one process; `witness` is told of every step. */
  from(node, witness) {
    const names = new StepNames(this.#prefix)
    return (inner) => {
      return (api, request, limits) => {
        const name = names.of(api, request)
        witness(`before ${name}`, node)
        return new Promise((resolve, reject) => {
          const answer = (what) => {
            witness(`after ${name}`, node)
            this.#later(this.#latencyMs(), () => node.enter(() => resolve(what)))
          }
          const fail = (error) => {
            this.#later(this.#latencyMs(), () => node.enter(() => reject(error)))
          }
          if (node.isDead) return
          const carried = { node, inner, api, request, limits, name, answer, fail }
          // Who was stopped on the way sends when it goes on.
          if (node.isPaused) node.enter(() => this.#send(carried))
          else this.#send(carried)
        })
      }
    }
  }
  #later(ms, act) {
    this.#world.after(ms, act)
  }
  #latencyMs() {
    const random = this.#random
    return random.chance(0.01) ? random.between(5, 60) : random.between(FASTEST_MS, SLOWEST_MS)
  }
  #send(carried) {
    const { node, api, name } = carried
    const mischief = this.#mischief(node.name, api)
    this.#trace.note(`${node.name} ${name}${mischief === null ? '' : ` (${mischief})`}`)
    const arrive = (deliver) => () => this.#arrive(carried, deliver)
    const dropped = () => undefined
    const lateMs = () => this.#random.between(LATE_MS.min, LATE_MS.max)
    switch (mischief) {
      case null:
        this.#later(this.#latencyMs(), arrive(carried.answer))
        return
      case 'slow':
        this.#later(this.#random.between(20, 1_500), arrive(carried.answer))
        return
      case 'lost':
        // Half of what is lost comes all the same, when nobody waits for it any more.
        if (this.#random.chance(0.5)) this.#later(lateMs(), arrive(dropped))
        return
      case 'unanswered':
        this.#later(this.#latencyMs(), arrive(dropped))
        return
      case 'twice':
        this.#later(this.#latencyMs(), arrive(carried.answer))
        this.#later(lateMs(), arrive(dropped))
        return
      case 'late':
        this.#later(
          this.#latencyMs(),
          arrive((answer) => this.#later(lateMs(), () => carried.answer(answer))),
        )
        return
      case 'moved':
      case 'loading':
        this.#refuse(carried, mischief)
        return
      case 'down':
        carried.fail(new LogError('UNAVAILABLE', `no broker takes ${api}`))
    }
  }
  #arrive(carried, deliver) {
    const { inner, api, request, limits } = carried
    inner(api, request, limits).then(deliver, carried.fail)
  }
  /** A coordinator that loses its place may have done what it was asked for before. */
  #refuse(carried, mischief) {
    const { api, request } = carried
    const error = mischief === 'loading' ? 'COORDINATOR_LOAD_IN_PROGRESS' : 'NOT_COORDINATOR'
    const refusal = refusalOf(api, request, error)
    if (refusal === null) {
      this.#later(this.#latencyMs(), () => this.#arrive(carried, carried.answer))
      return
    }
    const isDone = mischief === 'moved' && api === 'endTxn' && this.#random.chance(0.5)
    this.#later(this.#latencyMs(), () => {
      if (isDone) this.#arrive(carried, () => carried.answer(refusal))
      else carried.answer(refusal)
    })
  }
  #mischief(node, api) {
    for (const condition of this.#now()) {
      if (condition.node !== null && condition.node !== node) continue
      if (condition.apis !== null && !condition.apis.has(api)) continue
      if (condition.share >= 1 || this.#random.chance(condition.share)) return condition.mischief
    }
    return null
  }
  #now() {
    const nowMs = this.#world.nowMs
    if (nowMs < this.#nextChangeMs && this.#checkedMs >= 0) return this.#active
    this.#checkedMs = nowMs
    this.#active = this.#conditions.filter(({ fromMs, toMs }) => fromMs <= nowMs && nowMs < toMs)
    const changes = this.#conditions.flatMap(({ fromMs, toMs }) => [fromMs, toMs])
    this.#nextChangeMs = Math.min(...changes.filter((ms) => ms > nowMs), Infinity)
    return this.#active
  }
}
//# sourceMappingURL=network.js.map
