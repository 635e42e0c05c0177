// The rig of the memory log: virtual time that jumps whenever nothing else can run, and faults in
// the transport.
import { createMemoryLog, type MemoryLog } from '../../src/adapters/memory/memory-log.ts'
import type { Api, Transport } from '../../src/adapters/client/protocol.ts'
import type { Clock, LogPort } from '../../src/runtime/ports.ts'
import { deferred } from '../support/deferred.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import type { ConformanceRig, Disturbance, Fault, Link, RequestKind, RigClient } from './rig.ts'

const KINDS: Readonly<Record<RequestKind, Api>> = {
  AddPartitionsToTxn: 'addPartitionsToTxn',
  EndTxn: 'endTxn',
  Fetch: 'fetch',
  Heartbeat: 'heartbeat',
  InitProducerId: 'initProducerId',
  JoinGroup: 'joinGroup',
  LeaveGroup: 'leaveGroup',
  Produce: 'produce',
  SyncGroup: 'syncGroup',
}

interface Rule {
  readonly api: Api
  readonly fault: Fault
  left: number
  readonly met: () => void
  readonly gate: Promise<void>
  readonly carriedOut: (request: Promise<unknown>) => void
}

const never = <T>(): Promise<T> => new Promise<T>(() => {})

class MemoryLink implements Link {
  #rules: Rule[] = []
  #epoch = 0
  #isCut = false

  disturb(kind: RequestKind, fault: Fault, count: number = 1): Disturbance {
    const met = deferred()
    const gate = deferred()
    const held: Promise<unknown>[] = []
    const rule: Rule = {
      api: KINDS[kind],
      fault,
      left: count,
      met: met.resolve,
      gate: gate.promise,
      carriedOut: (request) => held.push(request),
    }
    this.#rules.push(rule)
    return {
      met: met.promise,
      release: async (): Promise<void> => {
        this.#rules = this.#rules.filter((other) => other !== rule)
        gate.resolve()
        await Promise.allSettled(held)
      },
    }
  }

  cut(): void {
    this.#isCut = true
    this.#epoch++
  }

  restore(): void {
    this.#isCut = false
  }

  wrap(inner: Transport): Transport {
    return async (api, request, limits) => {
      if (this.#isCut) return await never()
      const epoch = this.#epoch
      const answer = await this.#pass(api, () => inner(api, request, limits))
      return epoch === this.#epoch ? answer : await never()
    }
  }

  #pass<T>(api: Api, carry: () => Promise<T>): Promise<T> {
    const rule = this.#rules.find((candidate) => candidate.api === api)
    if (rule === undefined) return carry()
    rule.left--
    if (rule.left === 0) {
      this.#rules = this.#rules.filter((other) => other !== rule)
      rule.met()
    }
    return disturbed(rule, carry)
  }
}

async function disturbed<T>(rule: Rule, carry: () => Promise<T>): Promise<T> {
  switch (rule.fault) {
    case 'lose request':
      return never()
    case 'lose answer':
      await carry()
      return never()
    case 'double': {
      const answer = await carry()
      await carry()
      return answer
    }
    case 'hold request': {
      const late = rule.gate.then(carry)
      rule.carriedOut(late)
      return late
    }
    case 'hold answer': {
      const answer = carry()
      rule.carriedOut(answer)
      await rule.gate
      return answer
    }
  }
}

export interface MemoryRigOptions {
  /** Stands between the port and the cases: to break something on purpose. */
  readonly wrap?: (log: LogPort) => LogPort
  /** Stands between the clients and the way to the broker, for the same. */
  readonly wrapTransport?: (inner: Transport, clock: Clock) => Transport
}

export function createMemoryRig(options: MemoryRigOptions = {}): ConformanceRig {
  const clock = new VirtualClock()
  const stopTime = clock.pump()
  const log: MemoryLog = createMemoryLog({ clock })
  const clients: LogPort[] = []
  let names = 0
  return {
    clock,
    connect(): Promise<RigClient> {
      const link = new MemoryLink()
      const port = log.broker.connect({
        transport: (inner) => {
          const way = link.wrap(inner)
          return options.wrapTransport?.(way, clock) ?? way
        },
      })
      clients.push(port)
      return Promise.resolve({ log: options.wrap?.(port) ?? port, link })
    },
    unique: (name) => `${name}-${++names}`,
    compact(topic): Promise<void> {
      log.broker.compact(topic)
      return Promise.resolve()
    },
    async close(): Promise<void> {
      await Promise.all(clients.map((client) => client.close()))
      await log.close()
      stopTime()
    },
  }
}
