// The workers of the simulated cluster, each a node that is started again after it ended, as by a
// supervisor. Real engine and real core; what is wrapped is the way to the log, the clock, and the
// core's intake (for records that a core cannot take).
import type { MemoryLog } from '../../adapters/memory/memory-log.ts'
import type { Decoder, Encoder } from '../../contracts/decode.ts'
import type { CreateCore, Slice, TaskCore } from '../../core/kernel/step.ts'
import type { EventFields, EventKind, Instruments } from '../../runtime/instruments.ts'
import type { LogPort } from '../../runtime/ports.ts'
import type { SnapshotPlan } from '../../runtime/snapshot-cadence.ts'
import { startWorker, type WorkerHandle, type WorkerStatus } from '../worker/worker.ts'
import { printOf } from './batches.ts'
import { DEADLY, POISON } from './foreign.ts'
import type { Network, Witness } from './network.ts'
import { SimNode } from './node.ts'
import type { Random } from './random.ts'
import { EVENT_MOMENTS } from './step-names.ts'
import type { Trace } from './trace.ts'
import type { World } from './world.ts'

export interface WorkersOptions {
  readonly world: World
  readonly network: Network
  readonly broker: MemoryLog['broker']
  readonly trace: Trace
  readonly random: Random
  readonly standbys: number
  readonly encoder: Encoder
  readonly decoder: Decoder
  readonly createCore: CreateCore
  readonly createFleetCore: CreateCore
  readonly witness: Witness
  readonly problem: (what: string) => void
  /** Told of every restore, with what the worker says about it. */
  readonly restored: (fields: EventFields) => void
}

interface Life {
  readonly node: SimNode
  readonly log: LogPort
  handle: WorkerHandle | null
  /** World time until which its memory cannot be trusted. */
  rotsUntilMs: number
}

/** Snapshots so often that a run of a minute sees several. */
const SNAPSHOTS: SnapshotPlan = {
  tailMs: 3,
  share: 100,
  checkpointEveryMs: 30_000,
  renewEveryMs: 86_400_000,
  paceMs: 40,
  closeMs: 500,
}

const SESSION = { sessionTimeoutMs: 3_000, rebalanceTimeoutMs: 1_500, heartbeatMs: 600 } as const
const ROTTEN: ReadonlySet<string> = new Set(['snapshots', 'checkpoints'])
const AGAIN_MS = 1_000
/** A worker ends within 5 s, whatever the log does; then its supervisor kills it. */
const STOP_MS = 5_500

export class Workers {
  readonly #options: WorkersOptions
  readonly #lives = new Map<number, Life>()
  /** Slots that are not to be started again. */
  readonly #gone = new Set<number>()
  /** Prints of what was spoilt on its way to the log. */
  readonly rotten: Set<number> = new Set()
  readonly counts: Record<string, number> = { starts: 0, kills: 0, stops: 0, pauses: 0 }

  constructor(options: WorkersOptions) {
    this.#options = options
  }

  /** `isWrong`: a build that judges otherwise. */
  start(slot: number, isWrong: boolean = false): void {
    if (this.#lives.has(slot) || this.#gone.has(slot)) return
    const { world, random, network, broker, trace, witness } = this.#options
    const { createCore, createFleetCore } = this.#options
    this.#count('starts')
    const node = new SimNode(world, {
      name: `w${slot}`,
      offsetMs: random.between(-400, 400),
      rate: random.between(0.9995, 1.0005),
    })
    trace.note(`${node.name} starts`)
    const log = broker.connect({ clock: node, transport: network.from(node, witness) })
    const life: Life = { node, log, handle: null, rotsUntilMs: 0 }
    this.#lives.set(slot, life)
    const failed = (error: unknown): void => {
      if (this.#lives.get(slot) !== life) return
      trace.note(`${node.name} ends: ${error instanceof Error ? error.message : String(error)}`)
      node.kill()
      this.#startAgain(slot, AGAIN_MS)
    }
    startWorker({
      log,
      clock: node,
      decoder: this.#options.decoder,
      encoder: this.#rotting(life),
      createCore: this.#bent(isWrong ? wrong(createCore) : createCore, node, slot),
      createFleetCore: isWrong ? wrong(createFleetCore) : createFleetCore,
      snapshots: SNAPSHOTS,
      instruments: this.#instruments(node),
      standbys: this.#options.standbys,
      ...SESSION,
      onFatal: failed,
    }).then((handle) => {
      life.handle = handle
    }, failed)
  }

  kill(slot: number, forMs: number): void {
    const life = this.#lives.get(slot)
    if (life === undefined) return
    this.#count('kills')
    this.#options.trace.note(`${life.node.name} is killed`)
    life.node.kill()
    this.#startAgain(slot, forMs)
  }

  /** Bytes of snapshots turn over in its memory before they are sent. */
  rot(slot: number, forMs: number): void {
    const life = this.#lives.get(slot)
    if (life !== undefined) life.rotsUntilMs = this.#options.world.nowMs + forMs
  }

  /** For a while a build runs in its place that judges otherwise. */
  runWrong(slot: number, forMs: number): void {
    if (!this.#lives.has(slot)) return
    this.kill(slot, forMs)
    this.start(slot, true)
    this.#options.world.after(forMs, () => this.kill(slot, 0))
  }

  pause(slot: number, forMs: number): void {
    const node = this.#lives.get(slot)?.node
    if (node === undefined || node.isPaused) return
    const { world, trace } = this.#options
    this.#count('pauses')
    trace.note(`${node.name} is stopped`)
    node.pause()
    world.after(forMs, () => {
      trace.note(`${node.name} goes on`)
      node.resume()
    })
  }

  /** SIGTERM; who does not end in time is killed. */
  stop(slot: number, forMs: number): void {
    const life = this.#lives.get(slot)
    if (life?.handle === null || life === undefined || life.node.isPaused) return
    const { trace, world } = this.#options
    this.#count('stops')
    trace.note(`${life.node.name} is asked to end`)
    const late = world.after(STOP_MS, () => {
      if (!life.node.isDead && !life.node.isPaused)
        this.#options.problem(`${life.node.name} does not end within ${STOP_MS} ms`)
      this.#ended(slot, life, forMs)
    })
    life.handle.stop().then(
      () => {
        late.act = null
        this.#ended(slot, life, forMs)
      },
      (error: unknown) => this.#options.problem(`stop() fails: ${String(error)}`),
    )
  }

  /** A worker that comes for a while and leaves again. */
  visit(slot: number, forMs: number): void {
    this.start(slot)
    this.#options.world.after(forMs, () => {
      this.#gone.add(slot)
      if (this.#lives.get(slot)?.handle === null) this.kill(slot, 0)
      else this.stop(slot, 0)
    })
  }

  /** Every worker that lives, until all have ended. */
  async end(): Promise<void> {
    for (const [slot, { handle, node, log }] of this.#lives) {
      this.#gone.add(slot)
      await handle?.stop()
      await log.close()
      await node.sleep(100)
      if (node.sleeping > 0)
        this.#options.problem(`${node.name} has ended and ${node.sleeping} of its timers have not`)
      node.kill()
    }
    this.#lives.clear()
  }

  node(slot: number): SimNode | null {
    return this.#lives.get(slot)?.node ?? null
  }

  slotOf(node: SimNode): number | null {
    for (const [slot, life] of this.#lives) if (life.node === node) return slot
    return null
  }

  statuses(): readonly WorkerStatus[] {
    return [...this.#lives.values()].flatMap(({ handle }) => handle?.status() ?? [])
  }

  #ended(slot: number, life: Life, forMs: number): void {
    if (this.#lives.get(slot) !== life) return
    this.#options.trace.note(`${life.node.name} has ended`)
    life.node.kill()
    this.#startAgain(slot, forMs)
  }

  #startAgain(slot: number, afterMs: number): void {
    this.#lives.delete(slot)
    this.#options.world.after(afterMs, () => this.start(slot))
  }

  #count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1
  }

  #instruments(node: SimNode): Instruments {
    const { trace, witness, restored } = this.#options
    return {
      emit: (kind: EventKind, fields: EventFields): void => {
        if (node.isDead) return
        this.#count(kind)
        trace.note(`${node.name} ${kind} ${Object.values(fields).join(' ')}`)
        if (kind === 'task_restored') restored(fields)
        const moment = EVENT_MOMENTS.get(kind)
        if (moment !== undefined) witness(moment, node)
      },
    }
  }

  /** Turns a bit over in the middle of what is kept of a snapshot. */
  #rotting(life: Life): Encoder {
    const { encoder, world, trace } = this.#options
    return {
      encode: (topic, record) => {
        const value = encoder.encode(topic, record)
        if (!ROTTEN.has(topic) || world.nowMs > life.rotsUntilMs) return value
        const middle = value.length >>> 1
        value[middle] = (value[middle] ?? 0) ^ 4
        trace.note(`${life.node.name} sends rotten ${topic}`)
        this.rotten.add(printOf(value))
        return value
      },
    }
  }

  /** A core that cannot take some records: of one it throws, of another its process ends. */
  #bent(createCore: CreateCore, node: SimNode, slot: number): CreateCore {
    return (context, image): TaskCore => {
      const core = createCore(context, image)
      const step = core.step.bind(core)
      core.step = (given) => {
        for (const slice of given.slices) {
          if (slice.topic !== 'signals') continue
          const found = held(slice)
          if (found === POISON) throw new RangeError('simulated poison')
          if (found !== DEADLY) continue
          if (!node.isDead) this.kill(slot, AGAIN_MS)
          throw new RangeError('simulated death')
        }
        return step(given)
      }
      return core
    }
  }
}

/** The same, with a state that differs in one byte. */
function wrong(createCore: CreateCore): CreateCore {
  return (context, image): TaskCore => {
    const core = createCore(context, image)
    const pieces = core.image.bind(core)
    core.image = () => [...pieces(), Uint8Array.of(1)]
    return core
  }
}

/** What a core cannot take, if the slice has it. */
function held(slice: Slice): Uint8Array | null {
  let found: Uint8Array | null = null
  slice.visit(({ buffer, valueStart, valueEnd }) => {
    for (const value of [POISON, DEADLY])
      if (value.length === valueEnd - valueStart && found !== POISON)
        if (value.every((byte, i) => buffer[valueStart + i] === byte)) found = value
  })
  return found
}
