// Carries the planned faults out. Each ends by itself and leaves things as they were; what is done
// to one process or one way waits for nobody, unless the same one is being hit already: then it
// hits the next. What could not be done is told and does not count.
import { setTimeout as sleep } from 'node:timers/promises'
import type { RequestKind } from '../conformance/rig.ts'
import type { FaultProxy } from '../support/fault-proxy.ts'
import { BROKER_FAULTS, COMMITTING, type FaultKind, type PlannedFault } from './plan.ts'
import type { Stage, Worker } from './stage.ts'

/** A fault as it came to pass; wall times, which the brokers share. */
export interface Happened {
  readonly id: number
  readonly kind: FaultKind
  readonly target: string
  readonly startMs: number
  readonly endMs: number
  /** Why it did not happen; null: it did. */
  readonly missed: string | null
}

const WHOLE_MS = 40_000
const MEETS_MS = 8_000
const RELEASE_MS = 10_000
const STOP_GRACE_MS = 12_000
const RESET_EVERY_MS = 150

class Missed extends Error {}

export class Nemesis {
  readonly #stage: Stage
  readonly #busy = new Set<string>()
  #brokers: Promise<unknown> = Promise.resolve()

  constructor(stage: Stage) {
    this.#stage = stage
  }

  async strike(fault: PlannedFault): Promise<Happened> {
    if (!BROKER_FAULTS.has(fault.kind)) return this.#record(fault)
    const turn = this.#brokers.then(() => this.#record(fault))
    this.#brokers = turn
    return turn
  }

  async #record(fault: PlannedFault): Promise<Happened> {
    const { id, kind } = fault
    const told = { target: '', startMs: Date.now() }
    let missed: string | null = null
    try {
      await this.#strike(fault, (target) => Object.assign(told, { target, startMs: Date.now() }))
    } catch (error) {
      missed = error instanceof Error ? error.message : String(error)
    }
    return { id, kind, ...told, endMs: Date.now(), missed }
  }

  #strike(fault: PlannedFault, begins: (target: string) => unknown): Promise<void> {
    switch (fault.kind) {
      case 'worker killed':
      case 'worker paused':
      case 'worker stopped':
        return this.#onProcess(fault, begins)
      case 'broker killed':
      case 'brokers rolled':
      case 'broker paused':
        return this.#onBroker(fault, begins)
      case 'group moved':
      case 'transactions moved':
        return this.#moves(fault, begins)
      case 'killed in commit':
      case 'stopped in commit':
        return this.#endInCommit(fault, begins)
      case 'agents killed':
        begins('agents')
        return this.#killAgents(fault)
      case 'agents cut off':
        begins('agents')
        return cutOff(this.#stage.agents.link, fault.lastsMs)
      default:
        return this.#onLink(fault, begins)
    }
  }

  async #onProcess(fault: PlannedFault, begins: (target: string) => unknown): Promise<void> {
    await this.#taking('process', fault, async (worker) => {
      const { child } = worker
      begins(child.name)
      if (fault.kind === 'worker paused') {
        child.signal('SIGSTOP')
        await sleep(fault.lastsMs)
        child.signal('SIGCONT')
        return
      }
      const went = fault.kind === 'worker killed' ? child.kill() : child.end(STOP_GRACE_MS)
      const isClean = (await went) !== false
      await sleep(fault.lastsMs)
      worker.start()
      if (!isClean) throw new Error(`${child.name} did not stop within ${STOP_GRACE_MS} ms`)
    })
  }

  /** It goes when it has asked to commit, and the request arrives while somebody else goes on. */
  async #endInCommit(fault: PlannedFault, begins: (target: string) => unknown): Promise<void> {
    await this.#taking('process', fault, async (worker) => {
      const disturbance = worker.link.disturb('EndTxn', 'hold request')
      const isMet = await within(disturbance.met, MEETS_MS)
      if (isMet) {
        begins(worker.child.name)
        if (fault.kind === 'killed in commit') await worker.child.kill()
        else await worker.child.end(STOP_GRACE_MS)
        await sleep(fault.lastsMs)
      }
      await within(disturbance.release(), RELEASE_MS)
      if (isMet) worker.start()
      if (!isMet) throw new Missed('no EndTxn came')
    })
  }

  async #onBroker(fault: PlannedFault, begins: (target: string) => unknown): Promise<void> {
    const { kafka } = this.#stage
    if (!(await this.#stage.untilWhole(WHOLE_MS))) throw new Missed('replicas are missing')
    const first = (fault.target % 3) + 1
    begins(fault.kind === 'brokers rolled' ? 'all brokers' : `broker ${first}`)
    if (fault.kind === 'broker paused') {
      kafka.pause(first)
      await sleep(fault.lastsMs)
      kafka.resume(first)
    } else if (fault.kind === 'broker killed') {
      await kafka.kill9(first)
      await sleep(fault.lastsMs)
      await kafka.restart(first)
    } else
      for (const next of [0, 1, 2]) {
        const node = ((first - 1 + next) % 3) + 1
        if (!(await this.#stage.untilWhole(WHOLE_MS))) throw new Missed('replicas are missing')
        await kafka.end(node)
        await sleep(fault.lastsMs)
        await kafka.restart(node)
      }
    await this.#stage.untilWhole(WHOLE_MS)
  }

  async #moves(fault: PlannedFault, begins: (target: string) => unknown): Promise<void> {
    const { operator, group, prefix, partitions } = this.#stage
    const place =
      fault.kind === 'group moved'
        ? operator.groupPartition(group)
        : operator.transactionPartition(`${prefix}s${fault.target % partitions}`)
    begins(`${place.topic}-${place.partition}`)
    await operator.moveLeader(place.topic, place.partition)
  }

  async #killAgents({ lastsMs }: PlannedFault): Promise<void> {
    const { agents } = this.#stage
    if (!agents.child.isAlive) throw new Missed('the agents are not there')
    await agents.child.kill()
    await sleep(lastsMs)
    agents.start()
  }

  async #onLink(fault: PlannedFault, begins: (target: string) => unknown): Promise<void> {
    const { lastsMs, kind } = fault
    await this.#taking('link', fault, async ({ link, child }) => {
      const target = kind === 'request held' ? `${child.name} ${fault.request}` : child.name
      begins(target)
      switch (kind) {
        case 'worker cut off':
          return cutOff(link, lastsMs)
        case 'worker half-open':
          link.cut(undefined, fault.toBroker ? 'to broker' : 'to client')
          await sleep(lastsMs)
          link.restore()
          return
        case 'worker reset':
          for (const endMs = performance.now() + lastsMs; performance.now() < endMs; ) {
            link.reset()
            await sleep(RESET_EVERY_MS)
          }
          return
        case 'worker slow':
          return slowed(link, { delayMs: 100, jitterMs: 200, bytesPerSecond: null }, lastsMs)
        case 'worker narrow':
          return slowed(link, { delayMs: 0, jitterMs: 0, bytesPerSecond: 64_000 / 8 }, lastsMs)
        case 'end held':
          return held(link, 'EndTxn', lastsMs)
        case 'answer lost':
          return lost(link)
        default:
          return held(link, fault.request, lastsMs)
      }
    })
  }

  /** The target, or the next one whose process or way nothing else is being done to. */
  async #taking(
    what: 'process' | 'link',
    { target, kind }: PlannedFault,
    work: (worker: Worker) => Promise<void>,
  ): Promise<void> {
    const { workers } = this.#stage
    for (let i = 0; i < workers.length; i++) {
      const worker = workers[(target + i) % workers.length]
      const key = `${what} ${worker?.child.name}`
      if (worker === undefined || !worker.child.isAlive || this.#busy.has(key)) continue
      if (COMMITTING.has(kind) && worker.running === 0) continue
      this.#busy.add(key)
      try {
        await work(worker)
      } finally {
        this.#busy.delete(key)
      }
      return
    }
    throw new Missed('nobody is free to be hit')
  }
}

async function cutOff(link: FaultProxy, lastsMs: number): Promise<void> {
  link.cut()
  await sleep(lastsMs)
  link.restore()
}

async function slowed(
  link: FaultProxy,
  how: Parameters<FaultProxy['slow']>[0],
  lastsMs: number,
): Promise<void> {
  link.slow(how)
  await sleep(lastsMs)
  link.slow(null)
}

async function held(link: FaultProxy, kind: RequestKind, lastsMs: number): Promise<void> {
  const disturbance = link.disturb(kind, 'hold request')
  const isMet = await within(disturbance.met, MEETS_MS)
  if (isMet) await sleep(lastsMs)
  await within(disturbance.release(), RELEASE_MS)
  if (!isMet) throw new Missed(`no ${kind} came`)
}

async function lost(link: FaultProxy): Promise<void> {
  const disturbance = link.disturb('EndTxn', 'lose answer')
  const isMet = await within(disturbance.met, MEETS_MS)
  await within(disturbance.release(), RELEASE_MS)
  if (!isMet) throw new Missed('no EndTxn came')
}

async function within(work: Promise<unknown>, limitMs: number): Promise<boolean> {
  const timer = new AbortController()
  const late = sleep(limitMs, false, { signal: timer.signal }).catch(() => false)
  const isDone = await Promise.race([work.then(() => true), late])
  timer.abort()
  return isDone
}
