// Larger fleets in random orders, with the whole core of the fleet task and the observers of twelve
// service tasks: a monitor that looks at nothing but commands never finds more than the limit in a
// minute, and everything that was wanted is given once everybody lives.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isFull } from '../../support/full.ts'
import {
  advance,
  fleetForgets,
  fleetReads,
  fleetRestarts,
  type Model,
  newModel,
  settleDown,
  taskSteps,
  wants,
} from './model.ts'

const TASKS = 12
const LIMIT = 6
const SPAN_MS = 60_000

type Move =
  | { readonly what: 'task'; readonly p: number; readonly count: number; readonly lagMs: number }
  | { readonly what: 'again'; readonly p: number }
  | { readonly what: 'fleet'; readonly which: number | 'all' | 'none' }
  | { readonly what: 'time'; readonly ms: number }
  | { readonly what: 'wants'; readonly p: number; readonly need: number }
  | { readonly what: 'restart' | 'forget' }

const task = fc.integer({ min: 0, max: TASKS - 1 })
const often: readonly fc.WeightedArbitrary<Move>[] = [
  {
    weight: 10,
    arbitrary: fc.record({
      what: fc.constant('task' as const),
      p: task,
      count: fc.integer({ min: 0, max: 4 }),
      lagMs: fc.constantFrom(0, 0, 500, 30_000, 90_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('again' as const), p: task }) },
  {
    weight: 6,
    arbitrary: fc.record({
      what: fc.constant('fleet' as const),
      which: fc.oneof(task, fc.constantFrom('all' as const, 'none' as const)),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      what: fc.constant('time' as const),
      ms: fc.constantFrom(20, 200, 1_000, 10_000, 59_999, 300_000),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      what: fc.constant('wants' as const),
      p: task,
      need: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant<Move>({ what: 'restart' }) },
]
const sometimes: fc.WeightedArbitrary<Move> = {
  weight: 1,
  arbitrary: fc.constant<Move>({ what: 'forget' }),
}

function made(model: Model, move: Move): Model {
  const { nowMs } = model
  switch (move.what) {
    case 'task':
      return taskSteps(model, move.p, { count: move.count, nowMs: nowMs - move.lagMs })
    case 'again':
      return taskSteps(model, move.p, { count: 0, nowMs, again: true })
    case 'fleet':
      return fleetReads(model, move.which, nowMs)
    case 'time':
      return advance(model, move.ms)
    case 'wants':
      return wants(model, move.p, move.need)
    case 'restart':
      return fleetRestarts(model)
    case 'forget':
      return fleetForgets(model)
  }
}

/** Commands and when they were given; knows nothing of leases. */
class Monitor {
  private readonly commandsMs: number[] = []
  most = 0

  see(before: Model, after: Model): void {
    for (let i = before.commands; i < after.commands; i++) this.commandsMs.push(after.nowMs)
    const inSpan = this.commandsMs.filter((atMs) => atMs > after.nowMs - SPAN_MS)
    this.most = Math.max(this.most, inSpan.length)
  }
}

function play(moves: readonly Move[]): { readonly end: Model; readonly monitor: Monitor } {
  const monitor = new Monitor()
  let model = FRESH
  const go = (next: Model): void => {
    monitor.see(model, next)
    model = next
  }
  for (const move of moves) go(made(model, move))
  // Everybody lives: as long as it takes at so many a minute.
  for (let round = 0; round < 200 && model.holders.some(({ need }) => need > 0); round++) {
    go(settleDown(model, 1, 5_000))
  }
  return { end: model, monitor }
}

const FRESH = newModel(TASKS, LIMIT)
const RUNS = isFull ? 2_000 : 15

test.each([
  ['a fleet task that dies and is restored', often],
  ['one that also loses its journal', [...often, sometimes]],
])(
  'at most the limit in a minute, and all of it in the end: %s',
  (_what, arbitraries) => {
    const moves = fc.array(fc.oneof(...arbitraries), { minLength: 20, maxLength: 150 })
    fc.assert(
      fc.property(moves, (some) => {
        const { end, monitor } = play(some)
        expect(end.wrong).toBeNull()
        expect(monitor.most).toBeLessThanOrEqual(LIMIT)
        expect(end.holders.every(({ need }) => need === 0)).toBe(true)
      }),
      { numRuns: RUNS },
    )
  },
  300_000,
)

test('the monitor sees the limit reached', () => {
  const wanted = Array.from({ length: TASKS }, (_, p): Move => ({ what: 'wants', p, need: 1 }))
  const { monitor, end } = play(wanted)
  expect(monitor.most).toBe(LIMIT)
  expect(end.commands).toBe(TASKS)
})
