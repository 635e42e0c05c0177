// The projector: folds the log into a read model of this process and, where there is one, into a
// store that several projectors share. Answers come from the shared one while it is whole and
// young, so that all projectors show the same; else from this process, and say so.
import type { Decoder } from '../../contracts/decode.ts'
import { createMemoryViews } from '../../adapters/memory/memory-views.ts'
import type { Instruments } from '../../runtime/instruments.ts'
import type { Clock, LogPort } from '../../runtime/ports.ts'
import { ViewError, type ViewStore } from '../../runtime/view-port.ts'
import { Mirror } from './mirror.ts'
import type { ReadModel } from './read-model.ts'
import { ViewPump } from './view-pump.ts'

export interface ProjectorOptions {
  readonly log: LogPort
  readonly decoder: Decoder
  readonly clock: Clock
  readonly instruments: Instruments
  readonly prefix: string
  readonly partitions: number
  /** What several projectors share; closed by `stop`. */
  readonly shared?: ViewStore
}

/** From where an answer comes and how old it is. */
export interface ViewAnswer {
  readonly model: ReadModel
  readonly source: ViewStore['name']
  /** Everything that the log had taken up to then is in the answer, epoch ms; 0: nothing is. */
  readonly asOfMs: number
  /** Why it is not what it should be, or null. */
  readonly problem: string | null
}

export interface Projector {
  /** Of this process alone. */
  readonly model: ReadModel
  answer(): ViewAnswer
  /** Empty = it has read to the end at least once; else one sentence. */
  notReady(): readonly string[]
  stop(): Promise<void>
}

const LOCAL_RETRY_MS = 250
const SHARED_RETRY_MS = 5_000
/** How often the shared rows are asked for what is new. */
const FOLLOW_MS = 250
const WATCH_MS = 1_000
/** Shared rows that could not be read for this long are not answered from. */
const UNREAD_MAX_MS = 2_000
/** Nor are those that lie further behind than this process. */
const BEHIND_MAX_MS = 3_000

export function startProjector(options: ProjectorOptions): Projector {
  const local = startLocal(options)
  const shared = options.shared === undefined ? null : new Shared(options, options.shared)
  const stopping = new AbortController()
  const watching = watch(options, stopping.signal, () => [
    ['memory', local.mirror.asOfMs],
    ...(shared === null ? [] : ([['redis', shared.asOfMs]] as const)),
  ])
  return {
    model: local.mirror.model,
    answer(): ViewAnswer {
      const { model, asOfMs } = local.mirror
      const problem = local.pump.notReady()[0] ?? null
      if (shared === null) return { model, source: 'memory', asOfMs, problem }
      return shared.answer(asOfMs) ?? { model, source: 'memory', asOfMs, problem: shared.why() }
    },
    notReady: () => local.pump.notReady(),
    async stop(): Promise<void> {
      stopping.abort()
      local.pump.stop()
      await Promise.all([local.loop, shared?.stop(), watching])
    },
  }
}

function startLocal(options: ProjectorOptions): {
  readonly mirror: Mirror
  readonly pump: ViewPump
  readonly loop: Promise<void>
} {
  const store = createMemoryViews()
  const mirror = new Mirror(store, options.clock)
  const pump = new ViewPump({
    ...options,
    store,
    retryMaxMs: LOCAL_RETRY_MS,
    onShown: async () => {
      await mirror.refresh()
    },
    onRefused: ({ topic, partition }, offset, reason) =>
      options.instruments.emit('record_refused', { topic, partition, offset, reason }),
  })
  return { mirror, pump, loop: pump.run() }
}

type Ages = readonly (readonly [store: ViewStore['name'], asOfMs: number])[]

/** Tells how old the views are, also while nothing can be read or written. */
async function watch(
  { clock, instruments }: ProjectorOptions,
  signal: AbortSignal,
  ages: () => Ages,
): Promise<void> {
  while (!signal.aborted) {
    for (const [store, asOfMs] of ages()) {
      const seconds = Math.max(0, clock.nowMs() - asOfMs) / 1_000
      if (asOfMs > 0) instruments.emit('views_age', { store, seconds })
    }
    await clock.sleep(WATCH_MS, signal).catch(() => undefined)
  }
}

/** The side of the store that is shared; nothing of it can fail this process. */
class Shared {
  private readonly options: ProjectorOptions
  private readonly store: ViewStore
  private readonly mirror: Mirror
  private readonly pump: ViewPump
  private readonly stopping = new AbortController()
  private readonly loops: Promise<unknown>
  private trouble: string | null = 'nothing was read from it yet'

  constructor(options: ProjectorOptions, store: ViewStore) {
    this.options = options
    this.store = store
    this.mirror = new Mirror(store, options.clock)
    this.pump = new ViewPump({
      ...options,
      store,
      retryMaxMs: SHARED_RETRY_MS,
      onShown: () => Promise.resolve(),
      // The other side reads the same records and has told of it.
      onRefused: () => undefined,
    })
    this.loops = Promise.all([this.pump.run(), this.follow()])
  }

  get asOfMs(): number {
    return this.mirror.asOfMs
  }

  /** null: it is not to be answered from. */
  answer(localAsOfMs: number): ViewAnswer | null {
    const { model, asOfMs, unreadMs } = this.mirror
    if (this.trouble !== null || unreadMs > UNREAD_MAX_MS) return null
    if (asOfMs === 0 || asOfMs < localAsOfMs - BEHIND_MAX_MS) return null
    return { model, source: 'redis', asOfMs, problem: null }
  }

  why(): string {
    const trouble = this.trouble ?? this.pump.notReady()[0]?.replace('projector: ', '') ?? null
    return `${this.store.name}: ${trouble ?? 'its rows are too old'}; this process answers alone`
  }

  async stop(): Promise<void> {
    this.stopping.abort()
    this.pump.stop()
    await this.store.close()
    await this.loops
  }

  private async follow(): Promise<void> {
    const { clock } = this.options
    const { signal } = this.stopping
    while (!signal.aborted) {
      try {
        this.trouble = (await this.mirror.refresh()) ? null : 'it holds no whole view'
      } catch (error) {
        const isKnown = error instanceof ViewError
        this.trouble = isKnown ? error.message : 'its rows make no sense'
        if (!isKnown || error.code === 'CORRUPT') this.pump.rebuild()
      }
      await clock.sleep(FOLLOW_MS, signal).catch(() => undefined)
    }
  }
}
