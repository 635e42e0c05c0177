// Faults at named places of a commit, by wrapping the way to the broker. A fault strikes once, at
// the first request of its kind after it was armed; an outage strikes every request until it is
// over.
import type { Api, RequestOf, ResponseOf, Transport } from '../../src/adapters/client/protocol.ts'
import type { VirtualClock } from './virtual-clock.ts'

export type Strike = <K extends Api>(
  send: () => Promise<ResponseOf<K>>,
  request: RequestOf<K>,
) => Promise<ResponseOf<K>>

export class Fault {
  readonly #api: Api
  readonly #strike: Strike
  #armed = false
  struck: boolean = false

  constructor(api: Api, strike: Strike) {
    this.#api = api
    this.#strike = strike
  }

  arm(): void {
    this.#armed = true
  }

  disarm(): void {
    this.#armed = false
  }

  readonly bend: (inner: Transport) => Transport = (inner) => {
    return (api, request, limits) => {
      if (!this.#armed || api !== this.#api) return inner(api, request, limits)
      this.#armed = false
      this.struck = true
      return this.#strike(() => inner(api, request, limits), request)
    }
  }
}

const never = <T>(): Promise<T> => new Promise(() => undefined)

/** The places of a commit where a fault can strike; `hit` is told when. */
export const PLACES: Readonly<Record<string, (hit: () => void) => Fault>> = {
  'before AddPartitions': (hit) => before('addPartitionsToTxn', hit),
  'after AddPartitions': (hit) => after('addPartitionsToTxn', hit),
  'before Produce': (hit) => before('produce', hit),
  'after Produce': (hit) => after('produce', hit),
  'before EndTxn': (hit) => before('endTxn', hit),
  'EndTxn sent but unanswered': (hit) => after('endTxn', hit),
}

function before(api: Api, hit: () => void): Fault {
  return new Fault(api, (send) => {
    hit()
    return Promise.resolve().then(send)
  })
}

function after(api: Api, hit: () => void): Fault {
  return new Fault(api, async (send) => {
    const answer = await send()
    hit()
    return answer
  })
}

/** Requests whose answer is wrong in time or number; the worker lives on. */
export function lateFaults(clock: VirtualClock): Readonly<Record<string, Fault>> {
  const answeredLate: Strike = async (send) => {
    const answer = await send()
    await clock.sleep(2_500)
    return answer
  }
  const sentLate: Strike = async (send) => {
    await clock.sleep(2_500)
    return await send()
  }
  const sentTwice: Strike = async (send) => {
    const answer = await send()
    clock
      .sleep(1_500)
      .then(send)
      .catch(() => undefined)
    return answer
  }
  const neverAnswered: Strike = async (send) => {
    await send()
    return await never()
  }
  return {
    'EndTxn answered late': new Fault('endTxn', answeredLate),
    'EndTxn sent late': new Fault('endTxn', sentLate),
    'EndTxn sent twice': new Fault('endTxn', sentTwice),
    'EndTxn answer lost': new Fault('endTxn', neverAnswered),
    'AddPartitions sent late': new Fault('addPartitionsToTxn', sentLate),
    'AddPartitions sent twice': new Fault('addPartitionsToTxn', sentTwice),
    'Produce answered late': new Fault('produce', answeredLate),
    'Produce sent late': new Fault('produce', sentLate),
    'Produce sent twice': new Fault('produce', sentTwice),
    'fetch sent late': new Fault('fetch', sentLate),
  }
}

/** Nothing of some kind of request gets an answer for a while. */
export class Outage {
  readonly #apis: readonly Api[] | null
  readonly #delivers: boolean
  #on = false
  struck: number = 0

  /** `apis`: null = all. `delivers`: the request arrives, its answer is lost. */
  constructor(apis: readonly Api[] | null, delivers: boolean) {
    this.#apis = apis
    this.#delivers = delivers
  }

  begin(): void {
    this.#on = true
  }

  end(): void {
    this.#on = false
  }

  readonly bend: (inner: Transport) => Transport = (inner) => {
    return async (api, request, limits) => {
      if (!this.#on || this.#apis?.includes(api) === false) return await inner(api, request, limits)
      this.struck++
      if (this.#delivers) await inner(api, request, limits)
      return await never()
    }
  }
}

export const OUTAGES: Readonly<Record<string, () => Outage>> = {
  'EndTxn unanswered': () => new Outage(['endTxn'], true),
  'EndTxn undelivered': () => new Outage(['endTxn'], false),
  'Produce unanswered': () => new Outage(['produce'], true),
  'AddPartitions undelivered': () => new Outage(['addPartitionsToTxn'], false),
  'commits and fences unanswered': () => new Outage(['endTxn', 'initProducerId'], true),
  'reading stands still': () => new Outage(['fetch'], false),
  'everything unreachable': () => new Outage(null, false),
}
