import { startWorker } from '../worker/worker.js'
import { DEADLY, POISON } from './foreign.js'
import { SimNode } from './node.js'
const SESSION = { sessionTimeoutMs: 3_000, rebalanceTimeoutMs: 1_500, heartbeatMs: 500 }
const AGAIN_MS = 1_000
/** A worker ends within 5 s, whatever the log does; then its supervisor kills it. */
const STOP_MS = 5_500
export class Workers {
  #options
  #lives = new Map()
  /** Slots that are not to be started again. */
  #gone = new Set()
  counts = { starts: 0, kills: 0, stops: 0, pauses: 0 }
  constructor(options) {
    this.#options = options
  }
  start(slot) {
    if (this.#lives.has(slot) || this.#gone.has(slot)) return
    const { world, random, network, broker, trace, witness } = this.#options
    this.#count('starts')
    const node = new SimNode(world, {
      name: `w${slot}`,
      offsetMs: random.between(-400, 400),
      rate: random.between(0.9995, 1.0005),
    })
    trace.note(`${node.name} starts`)
    const log = broker.connect({ clock: node, transport: network.from(node, witness) })
    const life = { node, log, handle: null }
    this.#lives.set(slot, life)
    const failed = (error) => {
      if (this.#lives.get(slot) !== life) return
      trace.note(`${node.name} ends: ${error instanceof Error ? error.message : String(error)}`)
      node.kill()
      this.#startAgain(slot, AGAIN_MS)
    }
    startWorker({
      log,
      clock: node,
      decoder: this.#options.decoder,
      encoder: this.#options.encoder,
      createCore: this.#bent(node, slot),
      instruments: this.#instruments(node),
      ...SESSION,
      onFatal: failed,
    }).then((handle) => {
      life.handle = handle
    }, failed)
  }
  kill(slot, forMs) {
    const life = this.#lives.get(slot)
    if (life === undefined) return
    this.#count('kills')
    this.#options.trace.note(`${life.node.name} is killed`)
    life.node.kill()
    this.#startAgain(slot, forMs)
  }
  pause(slot, forMs) {
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
  stop(slot, forMs) {
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
      (error) => this.#options.problem(`stop() fails: ${String(error)}`),
    )
  }
  /** A worker that comes for a while and leaves again. */
  visit(slot, forMs) {
    this.start(slot)
    this.#options.world.after(forMs, () => {
      this.#gone.add(slot)
      if (this.#lives.get(slot)?.handle === null) this.kill(slot, 0)
      else this.stop(slot, 0)
    })
  }
  /** Every worker that lives, until all have ended. */
  async end() {
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
  node(slot) {
    return this.#lives.get(slot)?.node ?? null
  }
  slotOf(node) {
    for (const [slot, life] of this.#lives) if (life.node === node) return slot
    return null
  }
  statuses() {
    return [...this.#lives.values()].flatMap(({ handle }) => handle?.status() ?? [])
  }
  #ended(slot, life, forMs) {
    if (this.#lives.get(slot) !== life) return
    this.#options.trace.note(`${life.node.name} has ended`)
    life.node.kill()
    this.#startAgain(slot, forMs)
  }
  #startAgain(slot, afterMs) {
    this.#lives.delete(slot)
    this.#options.world.after(afterMs, () => this.start(slot))
  }
  #count(what) {
    this.counts[what] = (this.counts[what] ?? 0) + 1
  }
  #instruments(node) {
    const { trace, witness } = this.#options
    return {
      emit: (kind, fields) => {
        if (node.isDead) return
        this.#count(kind)
        trace.note(`${node.name} ${kind} ${Object.values(fields).join(' ')}`)
        witness(`at ${kind}`, node)
      },
    }
  }
  /** A core that cannot take some records: of one it throws, of another its process ends. */
  #bent(node, slot) {
    return (context, image) => {
      const core = this.#options.createCore(context, image)
      const step = core.step.bind(core)
      core.step = (given) => {
        for (const slice of given.slices) {
          if (slice.topic !== 'signals') continue
          if (holds(slice, POISON)) throw new RangeError('simulated poison')
          if (!holds(slice, DEADLY)) continue
          if (!node.isDead) this.kill(slot, AGAIN_MS)
          throw new RangeError('simulated death')
        }
        return step(given)
      }
      return core
    }
  }
}
function holds(slice, value) {
  let isThere = false
  slice.visit(({ buffer, valueStart, valueEnd }) => {
    if (valueEnd - valueStart !== value.length) return
    isThere ||= value.every((byte, i) => buffer[valueStart + i] === byte)
  })
  return isThere
}
//# sourceMappingURL=workers.js.map
