// What goes wrong in a run, all of it drawn from the seed before the run begins: what happens to
// processes and when, the weather on the network, strangers, and at which step a worker dies. The
// step is taken in turn from seed to seed, so that so many seeds as there are steps meet them all.
import type { Api } from '../../adapters/client/protocol.ts'
import type { Condition, Mischief } from './network.ts'
import { Random } from './random.ts'
import type { Cut } from './retention.ts'
import { EVENT_MOMENTS, REQUEST_NAMES } from './step-names.ts'

export type Act =
  | {
      readonly kind: 'kill' | 'stop' | 'rot' | 'wrong build'
      readonly slot: number
      readonly forMs: number
    }
  | { readonly kind: 'pause'; readonly node: string; readonly forMs: number }
  | {
      readonly kind: 'jump'
      readonly node: string
      readonly byMs: number
      readonly forMs: number
    }
  | { readonly kind: 'visit'; readonly forMs: number }
  | { readonly kind: 'transaction' | 'garbage' | 'poison' | 'deadly' }
  | { readonly kind: 'hold'; readonly forMs: number }
  | ({ readonly kind: 'cut' } & Cut)

/** A worker dies, or stands still, the nth time that any of them comes to a moment. */
export interface Ambush {
  readonly moment: string
  readonly nth: number
  readonly fromMs: number
  readonly kind: 'kill' | 'pause'
  readonly forMs: number
}

export interface Plan {
  readonly workers: number
  readonly partitions: number
  readonly instances: number
  readonly standbys: number
  readonly twice: number
  readonly late: number
  readonly acts: readonly { readonly atMs: number; readonly act: Act }[]
  readonly ambushes: readonly Ambush[]
  readonly conditions: readonly Condition[]
  /** From here on nothing new goes wrong; what was wrong has ended. */
  readonly calmFromMs: number
}

/** Every moment at which a worker is to be killed over the seeds. */
export const MOMENTS: readonly string[] = [
  ...REQUEST_NAMES.flatMap((name) => [`before ${name}`, `after ${name}`]),
  ...EVENT_MOMENTS.values(),
]

const FIRST_MS = 4_000
/** Mean time between acts. */
const ACT_EVERY_MS = 11_000
const CONDITION_EVERY_MS = 16_000
/** Longest thing that goes wrong. */
const LONGEST_MS = 9_000
/** Mean time between cuts, in the half of all runs that have any; images come first. */
const CUT_EVERY_MS = 15_000
const CUT_FROM_MS = 12_000
/** A journal needs something to disagree with. */
const WRONG_FROM_MS = 20_000
const HOUR_MS = 3_600_000

const WRITING: readonly Api[] = ['initProducerId', 'addPartitionsToTxn', 'produce', 'endTxn']
const GROUP: readonly Api[] = ['joinGroup', 'syncGroup', 'heartbeat', 'leaveGroup']
const SCOPES: readonly (readonly Api[] | null)[] = [
  null,
  null,
  WRITING,
  ['endTxn'],
  ['endTxn', 'produce'],
  GROUP,
  ['heartbeat'],
  ['fetch'],
  ['fetch', 'listOffsets'],
]
const MILD: readonly Mischief[] = [
  'slow',
  'lost',
  'unanswered',
  'twice',
  'late',
  'moved',
  'loading',
]

export function planOf(seed: number, forMs: number, fixed: Partial<Plan> = {}): Plan {
  const random = new Random(`healstream ${seed}`).fork('plan')
  const workers = fixed.workers ?? random.pick([2, 2, 3])
  const partitions = fixed.partitions ?? random.pick([1, 1, 1, 1, 2])
  const calmFromMs = Math.max(FIRST_MS, forMs - 45_000)
  const lastMs = calmFromMs - LONGEST_MS
  const ambushes = ambushesOf(seed, random.fork('ambushes'), lastMs)
  return {
    workers,
    partitions,
    instances: fixed.instances ?? random.pick([1, 2, 2]),
    standbys: random.pick([0, 1]),
    twice: random.pick([0, 0.01, 0.05]),
    late: random.pick([0, 0.01, 0.05]),
    calmFromMs,
    ambushes,
    acts: [
      ...actsOf(random.fork('acts'), { workers, lastMs, forMs, ambushes }),
      ...cutsOf(random.fork('retention'), partitions, lastMs),
    ],
    conditions: conditionsOf(random.fork('weather'), { workers, lastMs, ambushes }),
  }
}

function ambushesOf(seed: number, random: Random, lastMs: number): readonly Ambush[] {
  const kinds = ['kill', 'kill', 'pause'] as const
  const one = (moment: string, kind: Ambush['kind'], nth: number): Ambush => ({
    moment,
    nth,
    kind,
    fromMs: random.between(FIRST_MS, Math.max(FIRST_MS, lastMs * 0.6)),
    forMs: random.between(200, LONGEST_MS),
  })
  const inTurn = MOMENTS[seed % MOMENTS.length] ?? ''
  const more = Array.from({ length: 1 + Math.floor(lastMs / 60_000) }, () =>
    one(random.pick(MOMENTS), random.pick(kinds), random.int(1, 12)),
  )
  return [one(inTurn, 'kill', random.int(1, 2)), ...more]
}

interface Bounds {
  readonly workers: number
  readonly lastMs: number
  readonly ambushes: readonly Ambush[]
}

function actsOf(random: Random, bounds: Bounds & { readonly forMs: number }): Plan['acts'] {
  const { workers, lastMs, forMs, ambushes } = bounds
  const acts: { atMs: number; act: Act }[] = []
  const isLong = forMs >= 120_000
  const draw = (): Act => {
    const slot = random.int(0, workers - 1)
    const node = random.chance(0.8) ? `w${slot}` : 'agents'
    const forMs = random.between(100, LONGEST_MS)
    const kinds: readonly (() => Act)[] = [
      () => ({ kind: 'kill', slot, forMs }),
      () => ({ kind: 'kill', slot, forMs }),
      () => ({ kind: 'stop', slot, forMs }),
      () => ({ kind: 'pause', node, forMs }),
      () => ({ kind: 'jump', node, byMs: random.pick([-HOUR_MS, HOUR_MS, 3_000]), forMs }),
      () => ({ kind: 'visit', forMs }),
      () => ({ kind: 'transaction' }),
      () => ({ kind: 'garbage' }),
      () => ({ kind: random.chance(0.5) ? 'poison' : 'garbage' }),
      () => ({ kind: 'hold', forMs }),
      () => ({ kind: 'rot', slot, forMs: 4 * forMs }),
    ]
    return random.pick(kinds)()
  }
  for (let atMs = FIRST_MS; ; ) {
    atMs += random.between(0, 2 * ACT_EVERY_MS)
    if (atMs > lastMs) break
    acts.push({ atMs, act: draw() })
    if (random.chance(0.06)) for (let i = 1; i <= 4; i++) acts.push(visit(atMs + i * 2_000))
  }
  if (ambushes.some(({ moment }) => moment.endsWith(' leave')))
    for (const share of [0.3, 0.5, 0.7]) acts.push(stopAt(share * lastMs, random, workers))
  if (isLong && random.chance(0.1)) {
    const slot = random.int(0, workers - 1)
    const atMs = random.between(WRONG_FROM_MS, lastMs)
    acts.push({ atMs, act: { kind: 'wrong build', slot, forMs: LONGEST_MS } })
  }
  if (isLong && random.chance(0.02)) acts.push({ atMs: FIRST_MS, act: { kind: 'deadly' } })
  return acts.sort((a, b) => a.atMs - b.atMs)
}

/** What retention takes away. */
function cutsOf(random: Random, partitions: number, lastMs: number): Plan['acts'] {
  const cuts: { readonly atMs: number; readonly act: Act }[] = []
  if (random.chance(0.5)) return cuts
  for (let atMs = CUT_FROM_MS; ; ) {
    atMs += random.between(0, 2 * CUT_EVERY_MS)
    if (atMs > lastMs) return cuts
    const task = random.int(0, partitions)
    const keep = random.pick([1, 1, 2])
    const share = random.pick([1, 1, random.next()])
    cuts.push({ atMs, act: { kind: 'cut', task, keep, share, isBehind: random.chance(0.5) } })
  }
}

const visit = (atMs: number): { atMs: number; act: Act } => {
  return { atMs, act: { kind: 'visit', forMs: 1_500 } }
}

const stopAt = (atMs: number, random: Random, workers: number): { atMs: number; act: Act } => {
  return { atMs, act: { kind: 'stop', slot: random.int(0, workers - 1), forMs: 1_000 } }
}

function conditionsOf(random: Random, { workers, lastMs, ambushes }: Bounds): readonly Condition[] {
  const conditions: Condition[] = []
  for (let fromMs = FIRST_MS; ; ) {
    fromMs += random.between(0, 2 * CONDITION_EVERY_MS)
    if (fromMs > lastMs) break
    const toMs = fromMs + random.between(500, LONGEST_MS)
    const node = random.chance(0.75) ? `w${random.int(0, workers - 1)}` : null
    conditions.push(weather(random, { fromMs, toMs, node }))
  }
  // Writers renew and abort only after something went wrong with a commit.
  const hurts = ambushes.find(({ moment }) => /renew|abort/.test(moment))
  if (hurts !== undefined) {
    const apis = new Set<Api>(['endTxn', 'produce'])
    const { fromMs } = hurts
    const when = { fromMs, toMs: Math.max(fromMs, lastMs), node: null, apis }
    conditions.push({ ...when, mischief: 'unanswered', share: 0.25 })
  }
  return conditions
}

function weather(random: Random, when: Pick<Condition, 'fromMs' | 'toMs' | 'node'>): Condition {
  const kind = random.next()
  // A partition, one way or both; the brokers gone for a while; else mischief of some requests.
  if (kind < 0.2)
    return { ...when, apis: null, share: 1, mischief: random.pick(['lost', 'unanswered']) }
  if (kind < 0.28) return { ...when, node: null, apis: null, share: 1, mischief: 'down' }
  // Only the end of transactions, for longer than a writer waits: commits in doubt.
  if (kind < 0.4) {
    const apis = new Set<Api>(['endTxn'])
    return { ...when, apis, share: 1, mischief: random.pick(['lost', 'unanswered', 'late']) }
  }
  const scope = random.pick(SCOPES)
  const apis = scope === null ? null : new Set(scope)
  const share = random.pick([0.05, 0.2, 0.5, 0.9])
  return { ...when, apis, share, mischief: random.pick(MILD) }
}
