// S0-38: k of n kinds of signal.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Fusion } from '../../../src/core/signal/fusion.ts'
import { restored } from './kept.ts'

const KINDS = ['rtt', 'loss', 'cpu', 'probe', 'success_rate']
const fresh = (): Fusion => new Fusion(KINDS)

test.each(KINDS)('S0-38: %s alone is not enough', (kind) => {
  const fusion = fresh()
  fusion.push(kind, true, 1_000)
  expect(fusion.verdict(1_000)).toMatchObject({ deviates: false, kinds: [kind] })
})

test('S0-38: any two are, and exactly those are named', () => {
  for (const a of KINDS) {
    for (const b of KINDS) {
      if (a === b) continue
      const fusion = fresh()
      fusion.push(a, true, 1_000)
      fusion.push(b, true, 1_500)
      const named = KINDS.filter((kind) => kind === a || kind === b)
      expect(fusion.verdict(1_500)).toMatchObject({ deviates: true, value: 2, kinds: named })
    }
  }
})

test('what looks at the same thing twice is one kind', () => {
  const fusion = fresh()
  fusion.push('rtt', true, 0)
  fusion.push('rtt', true, 100)
  fusion.push('moon', true, 100)
  expect(fusion.verdict(100).value).toBe(1)
})

interface Push {
  readonly kind: number
  readonly stands: boolean
  readonly gapMs: number
}
const pushes = fc.array(
  fc.record({
    kind: fc.nat(KINDS.length - 1),
    stands: fc.boolean(),
    gapMs: fc.integer({ min: 0, max: 900 }),
  }),
  { maxLength: 40 },
)

/** By definition: a kind counts when it stood at some moment of the last second. */
function counted(history: readonly (Push & { atMs: number })[], nowMs: number): string[] {
  return KINDS.filter((_, kind) => {
    let endedMs = Number.NEGATIVE_INFINITY
    let stands = false
    for (const push of history) {
      if (push.kind !== kind) continue
      if (stands && !push.stands) endedMs = push.atMs
      stands = push.stands
    }
    return stands || nowMs - endedMs <= 1_000
  })
}

test('S0-38: rates of sampling do not matter within the window, through an image too', () => {
  fc.assert(
    fc.property(pushes, fc.integer({ min: 0, max: 2_000 }), (all, afterMs) => {
      let fusion = fresh()
      let atMs = 0
      const history: (Push & { atMs: number })[] = []
      for (const push of all) {
        atMs += push.gapMs
        history.push({ ...push, atMs })
        fusion.push(KINDS[push.kind] ?? '', push.stands, atMs)
        if (history.length === 5) fusion = restored(fusion, fresh)
        expect(fusion.verdict(atMs).kinds).toEqual(counted(history, atMs))
      }
      const nowMs = atMs + afterMs
      expect(fusion.verdict(nowMs).kinds).toEqual(counted(history, nowMs))
      const nextMs = fusion.nextMs(nowMs)
      if (nextMs === null) return
      expect(fusion.verdict(nextMs).value).toBeLessThan(fusion.verdict(nextMs - 1).value)
    }),
  )
})
