// Conditions over time, against the definition: S0-54 with its own figures, a brute-force reading
// of the whole past, and the image.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Composition } from '../../../src/contracts/policy-trigger.ts'
import { loadHealing, saveHealing } from '../../../src/core/decision/image.ts'
import {
  compose,
  forgetOnsets,
  keepOnsets,
  type Onsets,
} from '../../../src/core/decision/onsets.ts'
import type { InstanceFacts } from '../../../src/core/kernel/facts.ts'
import { ImageReader, ImageWriter } from '../../../src/core/kernel/image.ts'
import { PlanWorld } from './plan-world.ts'
import { CONTEXT, figures, finding, instance, World } from './world.ts'

const SECOND = 1_000
const LOST = { when: 'link == "offline"' }
const ERRING = { when: 'error_rate > 0.5' }
const [b, c] = [instance('b'), instance('c')]

function world(trigger: object): World {
  const made = new World()
  made.state.behaviour = 3
  made.policy({ trigger, mode: 'observe' })
  made.step([instance('a'), b, c])
  return made
}

const at = (lost: boolean, erring: boolean, some: Partial<InstanceFacts> = {}): InstanceFacts =>
  instance('a', {
    link: lost ? 'offline' : 'online',
    window: figures(100, erring ? 60 : 0),
    ...some,
  })

const matched = ({ events }: World): boolean => events.some(({ event }) => event === 'matched')

describe('S0-54', () => {
  test.each([
    ['only the first', [true, false], false],
    ['only the second', [false, true], false],
    ['both', [true, true], true],
  ])('%s', (_name, [lost = false, erring = false], expected) => {
    const made = world({ all: [LOST, ERRING] })
    for (let i = 0; i < 100; i++) made.step([at(lost, erring), b, c], { afterMs: SECOND })
    expect(matched(made)).toBe(expected)
  })

  test.each([
    [30, true],
    [31, false],
  ])('%d s apart', (apart, expected) => {
    const made = world({ all: [LOST, ERRING] })
    for (let i = 0; i < apart; i++) made.step([at(true, false), b, c], { afterMs: SECOND })
    for (let i = 0; i < 100; i++) made.step([at(true, true), b, c], { afterMs: SECOND })
    expect(matched(made)).toBe(expected)
  })

  test('what came true counts for the while, also when it is over', () => {
    const made = world({ all: [LOST, ERRING] })
    made.step([at(true, false), b, c], { afterMs: SECOND })
    made.step([at(false, false), b, c], { afterMs: SECOND })
    made.step([at(false, true), b, c], { afterMs: 29 * SECOND })
    expect(matched(made)).toBe(true)
    const event = made.events.find(({ event: what }) => what === 'matched')
    expect(event?.clauses).toEqual([
      { text: LOST.when, value: 'link = online, true since 30 s', holds: true },
      { text: ERRING.when, value: 'error_rate = 0.6, true since 0 s', holds: true },
    ])
  })

  test('a sequence has an order, any needs one', () => {
    const run = (trigger: object): boolean => {
      const made = world(trigger)
      made.step([at(false, true), b, c], { afterMs: SECOND })
      made.step([at(true, true), b, c], { afterMs: SECOND })
      return matched(made)
    }
    expect(run({ sequence: [LOST, ERRING] })).toBe(false)
    expect(run({ sequence: [ERRING, LOST] })).toBe(true)
    expect(run({ any: [LOST, { when: 'n > 1000' }] })).toBe(true)
    expect(run({ any: [{ when: 'n > 1000' }] })).toBe(false)
  })

  test('a new incarnation, a new version and leaving begin anew', () => {
    const made = world({ all: [LOST, ERRING] })
    made.step([at(true, false), b, c], { afterMs: SECOND })
    made.step([at(false, true, { incarnation: 2 }), b, c], { afterMs: SECOND })
    expect(matched(made)).toBe(false)
    made.policy({ trigger: { all: [LOST, ERRING] }, mode: 'observe' })
    made.step([at(true, false, { incarnation: 2 }), b, c], { afterMs: SECOND })
    expect(matched(made)).toBe(false)
    made.step([at(false, false, { incarnation: 2, lifecycle: 'draining' }), b, c])
    expect(made.state.onsets.size).toBe(0)
    made.step([at(false, true, { incarnation: 2 }), b, c], { afterMs: SECOND })
    expect(matched(made)).toBe(false)
    made.document('HealPolicy', 'restart-sick', {
      match: { services: ['*'] },
      trigger: 'n > 1000',
      action: 'restart_instance',
    })
    made.step([at(false, true, { incarnation: 2 }), b, c], { afterMs: SECOND })
    made.step([b, c], { left: [at(true, true).key] })
    expect(made.state.onsets.size).toBe(0)
  })
})

test('S0-54: within 30 s the instance is isolated, then looked at closer, once each', () => {
  const run = (apart: number): readonly string[] => {
    const made = new PlanWorld()
    made.ladder([{ steps: [{ action: 'isolate' }, { action: 'diagnose' }] }], {
      trigger: { all: [LOST, ERRING] },
    })
    const sick = { health: 'unhealthy' as const, findings: [finding()] }
    made.step([instance('a'), b, c])
    const heard = (lost: boolean, erring: boolean): InstanceFacts =>
      at(lost, erring, { ...sick, agentHeard: true })
    for (let i = 0; i < apart; i++) made.step([heard(true, false), b, c], { afterMs: SECOND })
    for (let i = 0; i < 5; i++) made.step([heard(true, true), b, c], { afterMs: SECOND })
    const done = ['acted', 'commanded']
    return made.events.flatMap(({ event, action }) => {
      return done.includes(event) && action !== null ? [action] : []
    })
  }
  expect(run(30)).toEqual(['isolate', 'diagnose'])
  expect(run(31)).toEqual([])
})

test('an image goes on where the state was: the same onset decides', () => {
  const made = world({ all: [LOST, ERRING] })
  made.step([at(true, false), b, c], { afterMs: SECOND })
  const bytes = imageOf(made)
  const again = loadHealing(CONTEXT, new ImageReader(bytes))
  expect(again.onsets).toEqual(made.state.onsets)
  expect([...again.onsets.keys()]).toEqual(['restart-sick'])
  // Without judgement there is no such state.
  const old = new ImageWriter(2)
  saveHealing(made.state, old)
  const from = new ImageReader(joined(old))
  from.form = 2
  expect(loadHealing(CONTEXT, from).onsets.size).toBe(0)
})

function imageOf({ state }: World): Uint8Array {
  const to = new ImageWriter()
  saveHealing(state, to)
  return joined(to)
}

function joined(to: ImageWriter): Uint8Array {
  return new Uint8Array(Buffer.concat([...to.pieces()]))
}

interface Moment {
  readonly ms: number
  readonly truths: readonly boolean[]
}

/** Read from the definition, over the whole past. */
function expected(past: readonly Moment[], how: Composition, withinMs: number): boolean {
  const now = past.at(-1)
  if (now === undefined) return false
  const onsets = now.truths.map((_, i) => {
    const rises = past.filter(
      ({ truths }, j) => truths[i] === true && past[j - 1]?.truths[i] !== true,
    )
    return rises.at(-1)?.ms ?? null
  })
  const counts = onsets.map((ms, i) => {
    return now.truths[i] === true || (ms !== null && now.ms - ms <= withinMs)
  })
  if (how === 'any') return counts.includes(true)
  const times = onsets.map((ms) => ms ?? Number.NaN)
  const isNear = times.every((a) => times.every((other) => Math.abs(a - other) <= withinMs))
  const isInOrder = times.every((a, i) => i === 0 || a >= (times[i - 1] ?? 0))
  return !counts.includes(false) && isNear && (how === 'all' || isInOrder)
}

test('against the definition, over any past', () => {
  const moments = fc.array(
    fc.record({
      afterMs: fc.constantFrom(0, 1, 10, 29, 30, 31, 100),
      truths: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
    }),
    { minLength: 1, maxLength: 30 },
  )
  fc.assert(
    fc.property(moments, fc.constantFrom('all', 'any', 'sequence'), (steps, how) => {
      const onsets: Onsets = new Map()
      const of = { policy: 'p', version: 1, key: 'k', incarnation: 1 }
      const over = { how, withinMs: 30 } as const
      const past: Moment[] = []
      let nowMs = 0
      for (const { afterMs, truths } of steps) {
        nowMs += afterMs
        past.push({ ms: nowMs, truths })
        const composed = compose(onsets, of, { truths, nowMs, over })
        expect(composed?.holds ?? false).toBe(expected(past, how, 30))
        // What counts no more is not kept.
        expect(onsets.size).toBe(composed === null ? 0 : 1)
      }
    }),
  )
})

describe('who is kept', () => {
  const of = { policy: 'p', version: 1, key: 'shop/a', incarnation: 1 }
  const over = { how: 'all', withinMs: 30 } as const
  const say = (onsets: Onsets, truths: readonly boolean[], some: object = {}): string => {
    const composed = compose(onsets, { ...of, ...some }, { truths, nowMs: 100, over })
    return composed === null ? 'none' : composed.counts.join()
  }

  test('another life or version of the policy begins with nothing, and leaves nothing', () => {
    for (const other of [{ incarnation: 2 }, { version: 2 }]) {
      const onsets: Onsets = new Map()
      expect(say(onsets, [true, false])).toBe('true,false')
      expect(say(onsets, [false, true], other)).toBe('false,true')
      expect(say(onsets, [false, false])).toBe('none')
      expect(onsets.size).toBe(0)
    }
  })

  test('one that leaves is forgotten by every policy, the others are not', () => {
    const onsets: Onsets = new Map()
    say(onsets, [true])
    say(onsets, [true], { key: 'shop/b' })
    say(onsets, [true], { policy: 'q' })
    forgetOnsets(onsets, 'shop/a')
    expect([...onsets].map(([policy, table]) => [policy, ...table.keys()])).toEqual([
      ['p', 'shop/b'],
    ])
    forgetOnsets(onsets, 'nobody')
    expect(onsets.size).toBe(1)
  })

  test('of a policy that is not in force any more nothing is', () => {
    const onsets: Onsets = new Map()
    say(onsets, [true])
    say(onsets, [true], { policy: 'q' })
    keepOnsets(onsets, (policy) => policy === 'q')
    expect([...onsets.keys()]).toEqual(['q'])
  })
})
