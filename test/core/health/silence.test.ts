// Silence of one is a sign, silence of all is blindness.
import { describe, expect, test } from 'vitest'
import { ASOF_STALE_MS, Sources } from '../../../src/core/health/silence.ts'
import { ImageReader } from '../../../src/core/kernel/image.ts'
import { saved } from '../../support/image.ts'

const LIMIT_MS = 5_000
const T = 1_000_000

/** Caught up, with agents heard at T. */
function sources(...agents: string[]): Sources {
  const made = new Sources()
  made.assess(T - 1, T - 1, false)
  for (const agent of agents) made.heard(agent, T, LIMIT_MS)
  return made
}

test('one that speaks while another is silent: no blindness', () => {
  const made = sources('a', 'b')
  made.heard('a', T + 4_000, LIMIT_MS)
  expect(made.assess(T + 6_000, T + 6_000, false)).toMatchObject({
    blind: false,
    horizonMs: T + 6_000,
  })
})

test('all silent at once is blindness, before the first of them reaches its limit', () => {
  const made = sources('a', 'b', 'c')
  made.heard('c', T + 900, LIMIT_MS)
  expect(made.assess(T + 2_499, T + 2_499, false).blind).toBe(false)
  expect(made.assess(T + 4_999, T + 4_999, false)).toMatchObject({ blind: true, horizonMs: null })
})

test('a single source that goes silent is no blindness', () => {
  expect(sources('a').assess(T + 60_000, T + 60_000, false).blind).toBe(false)
})

test('one that died long ago does not make the death of the last one blindness', () => {
  const made = sources('dead', 'alive')
  made.heard('alive', T + 30_000, LIMIT_MS)
  expect(made.assess(T + 40_000, T + 40_000, false).blind).toBe(false)
})

test('after blindness nobody has been silent during it', () => {
  const made = sources('a', 'b')
  expect(made.assess(T + 10_000, T + 10_000, false).blind).toBe(true)
  made.heard('a', T + 600_000, LIMIT_MS)
  const after = made.assess(T + 600_000, T + 600_000, false)
  expect(after).toMatchObject({ blind: false, floorMs: T + 600_000 })
})

describe('reading', () => {
  test('that lags is blindness, and time read to is what silence is judged by', () => {
    const made = sources('a')
    expect(made.assess(T + 9_000, T + 9_000 - ASOF_STALE_MS, false)).toMatchObject({
      blind: false,
      horizonMs: T + 9_000 - ASOF_STALE_MS,
    })
    expect(made.assess(T + 9_001, T + 9_000 - ASOF_STALE_MS, false)).toMatchObject({
      blind: true,
      horizonMs: null,
    })
    expect(made.assess(T + 9_001, null, false).blind).toBe(true)
  })

  test('behind, nothing is judged; caught up, silence counts from then on', () => {
    const made = sources('a')
    expect(made.assess(T + 60_000, T, true)).toMatchObject({ blind: false, horizonMs: null })
    expect(made.assess(T + 60_000, T + 60_000, false).floorMs).toBe(T + 60_000)
    expect(made.assess(T + 61_000, T + 61_000, false).floorMs).toBe(T + 60_000)
  })
})

test('an agent lives as long as it is heard within its limit', () => {
  const made = sources('a')
  expect(made.isAlive('a', T + LIMIT_MS - 1)).toBe(true)
  expect(made.isAlive('a', T + LIMIT_MS)).toBe(false)
  expect(made.isAlive('b', T)).toBe(false)
  expect(made.isAlive(null, T)).toBe(false)
})

test('a place is held until its agent is forgotten, also when another has it then', () => {
  const made = new Sources()
  made.assess(T - 1, T - 1, false)
  const first = made.heard('a', T, LIMIT_MS)
  if (first === null) throw new Error('there is room')
  expect(made.isHeld(first.place, first.generation)).toBe(true)
  expect(made.isAliveAt(first.place, T + LIMIT_MS - 1)).toBe(true)
  made.heard('b', T + 600_001, LIMIT_MS)
  made.assess(T + 600_001, T + 600_001, false)
  expect(made.isHeld(first.place, first.generation)).toBe(false)
  const next = made.heard('c', T + 600_001, LIMIT_MS)
  expect(next?.place).toBe(first.place)
  expect(made.isHeld(first.place, first.generation)).toBe(false)
  expect(made.heardAtMs('a')).toBeNull()
  expect(made.heardAtMs('c')).toBe(T + 600_001)
})

test('a flood of names is not remembered without end', () => {
  const made = sources('a')
  for (let i = 0; i < 40_000; i++) made.heard(`x${i}`, T, LIMIT_MS)
  expect(made.size).toBe(32_768)
  made.heard('a', T + 1, LIMIT_MS)
  expect(made.isAlive('a', T + LIMIT_MS)).toBe(true)
})

test('read back from an image it hears alike', () => {
  const made = sources('a', 'b')
  made.assess(T + LIMIT_MS, T + LIMIT_MS, false)
  const bytes = saved((to) => made.save(to))
  const again = new Sources()
  again.load(new ImageReader(bytes))
  expect(saved((to) => again.save(to))).toEqual(bytes)
  const later = T + LIMIT_MS + 1
  expect(again.assess(later, later, false)).toEqual(made.assess(later, later, false))
})

test('an agent that was silent itself says when it came back, also behind a restore', () => {
  const made = sources('a', 'b')
  expect([made.backAtMs('a'), made.backAtMs('c'), made.backAtMs(null)]).toEqual([0, 0, 0])
  made.heard('a', T + LIMIT_MS - 1, LIMIT_MS)
  expect(made.backAtMs('a')).toBe(0)
  made.heard('a', T + 3 * LIMIT_MS, LIMIT_MS)
  made.heard('a', T + 3 * LIMIT_MS + 500, LIMIT_MS)
  expect(made.backAtMs('a')).toBe(T + 3 * LIMIT_MS)
  const restored = new Sources()
  restored.load(new ImageReader(saved((to) => made.save(to))))
  expect([restored.backAtMs('a'), restored.backAtMs('b')]).toEqual([T + 3 * LIMIT_MS, 0])
})
