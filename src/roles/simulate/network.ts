// The way between a node and the brokers: every request takes its time, both ways, and meets the
// weather of its moment: delayed, lost before or after it took effect, carried twice, answered by a
// broker that is no longer in charge, or refused. What is lost is never answered; a copy may come
// much later, as with a connection that was thought dead.
import type { ErrorCode } from '../../adapters/client/error-codes.ts'
import type {
  Api,
  CallLimits,
  RequestOf,
  ResponseOf,
  Transport,
} from '../../adapters/client/protocol.ts'
import { LogError } from '../../runtime/log-error.ts'
import type { SimNode } from './node.ts'
import type { Random } from './random.ts'
import { refusalOf } from './refusals.ts'
import { StepNames } from './step-names.ts'
import type { Trace } from './trace.ts'
import type { World } from './world.ts'

/** What can happen to a request while a condition holds. */
export type Mischief =
  | 'slow'
  | 'lost'
  | 'unanswered'
  | 'twice'
  | 'late'
  | 'moved'
  | 'loading'
  | 'down'

export interface Condition {
  readonly fromMs: number
  readonly toMs: number
  readonly mischief: Mischief
  /** Which nodes; null: all. */
  readonly node: string | null
  /** Which requests; null: all. */
  readonly apis: ReadonlySet<Api> | null
  /** Of the requests, 0 to 1. */
  readonly share: number
}

/** Told of every moment of a request; may kill or stop the node. */
export type Witness = (moment: string, node: SimNode) => void

const FASTEST_MS = 0.15
const SLOWEST_MS = 1.2
/** So late a copy comes, or an answer. */
const LATE_MS = { min: 300, max: 6_000 }

/** A connection doubles nothing: of these there is a copy only if the client asks again. */
const WRITES: ReadonlySet<Api> = new Set<Api>(['produce', 'addPartitionsToTxn', 'endTxn'])

interface Carried<K extends Api> {
  readonly node: SimNode
  readonly inner: Transport
  readonly api: K
  readonly request: RequestOf<K>
  readonly limits: CallLimits
  readonly name: string
  readonly answer: (answer: ResponseOf<K>) => void
  readonly fail: (error: unknown) => void
}

export class Network {
  readonly #world: World
  readonly #random: Random
  readonly #trace: Trace
  readonly #prefix: string
  /** Those that have not ended. */
  #conditions: readonly Condition[]
  #active: readonly Condition[] = []
  #checkedMs = -1
  #nextChangeMs = 0

  constructor(
    world: World,
    parts: {
      readonly random: Random
      readonly trace: Trace
      readonly prefix: string
      readonly conditions: readonly Condition[]
    },
  ) {
    this.#world = world
    this.#random = parts.random
    this.#trace = parts.trace
    this.#prefix = parts.prefix
    this.#conditions = parts.conditions
  }

  /** The way of one process; `witness` is told of every step. */
  from(node: SimNode, witness: Witness): (inner: Transport) => Transport {
    const names = new StepNames(this.#prefix)
    return (inner) => {
      return <K extends Api>(
        api: K,
        request: RequestOf<K>,
        limits: CallLimits,
      ): Promise<ResponseOf<K>> => {
        const { name, before, after } = names.of(api, request)
        witness(before, node)
        return new Promise((resolve, reject) => {
          const answer = (what: ResponseOf<K>): void => {
            witness(after, node)
            this.#later(this.#latencyMs(), () => node.enter(() => resolve(what)))
          }
          const fail = (error: unknown): void => {
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

  #later(ms: number, act: () => void): void {
    this.#world.after(ms, act)
  }

  #latencyMs(): number {
    const random = this.#random
    return random.chance(0.01) ? random.between(5, 60) : random.between(FASTEST_MS, SLOWEST_MS)
  }

  #send<K extends Api>(carried: Carried<K>): void {
    const { node, api, name } = carried
    const mischief = this.#mischief(node.name, api)
    this.#trace.note(`${node.name} ${name}${mischief === null ? '' : ` (${mischief})`}`)
    const arrive = (deliver: (answer: ResponseOf<K>) => void) => (): void =>
      this.#arrive(carried, deliver)
    const dropped = (): void => undefined
    const lateMs = (): number => this.#random.between(LATE_MS.min, LATE_MS.max)
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
        if (!WRITES.has(api)) this.#later(lateMs(), arrive(dropped))
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

  #arrive<K extends Api>(carried: Carried<K>, deliver: (answer: ResponseOf<K>) => void): void {
    const { inner, api, request, limits } = carried
    inner(api, request, limits).then(deliver, carried.fail)
  }

  /** A coordinator that loses its place may have done what it was asked for before. */
  #refuse<K extends Api>(carried: Carried<K>, mischief: 'moved' | 'loading'): void {
    const { api, request } = carried
    const error: ErrorCode =
      mischief === 'loading' ? 'COORDINATOR_LOAD_IN_PROGRESS' : 'NOT_COORDINATOR'
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

  #mischief(node: string, api: Api): Mischief | null {
    for (const condition of this.#now()) {
      if (condition.node !== null && condition.node !== node) continue
      if (condition.apis !== null && !condition.apis.has(api)) continue
      if (condition.share >= 1 || this.#random.chance(condition.share)) return condition.mischief
    }
    return null
  }

  #now(): readonly Condition[] {
    const nowMs = this.#world.nowMs
    if (nowMs < this.#nextChangeMs && this.#checkedMs >= 0) return this.#active
    this.#checkedMs = nowMs
    this.#conditions = this.#conditions.filter(({ toMs }) => nowMs < toMs)
    this.#active = this.#conditions.filter(({ fromMs }) => fromMs <= nowMs)
    this.#nextChangeMs = Infinity
    for (const { fromMs, toMs } of this.#conditions)
      this.#nextChangeMs = Math.min(this.#nextChangeMs, fromMs > nowMs ? fromMs : toMs)
    return this.#active
  }
}
