// The windows against an oracle that counts anew from the definition: any life, all spans, both
// scales; the same state whatever the batching; and a saved state goes on as if never saved.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonical, hex } from '../../../src/core/kernel/canonical.ts'
import type { Figures } from '../../../src/core/kernel/facts.ts'
import { Windows } from '../../../src/core/window/window.ts'
import { Oracle, SPANS_MS, type SpanMs, type Truth } from './oracle.ts'
import { CALLER, countsOf, INSTANCES, life, Player, type Scale, SERVICES } from './play.ts'

const RUNS = Number(process.env['HEALSTREAM_TEST_RUNS'] ?? 40)
const WITHIN: Readonly<Record<Scale, number>> = { 4: 0.022, 5: 0.011 }

/** What is wrong with the figures, or null. */
function problem(found: Figures, truth: Truth, scale: Scale): string | null {
  const { n, errors, p99Us } = truth
  if (found.n !== n || found.errors !== errors) return `n ${found.n}, errors ${found.errors}`
  if (found.successRate !== (n === 0 ? null : (n - errors) / n)) return 'success rate'
  if (p99Us === null || found.p99Us === null) return p99Us === found.p99Us ? null : 'p99 of nothing'
  if (Math.abs(found.p99Us - p99Us) > WITHIN[scale] * p99Us + 0.5) return `p99 ${found.p99Us}`
  const isMax =
    found.maxUs >= truth.maxUs && found.maxUs <= truth.maxUs * (1 + 2.05 * WITHIN[scale])
  return isMax ? null : `max ${found.maxUs}`
}

function problems({ windows, scale }: Player, oracle: Oracle, span: SpanMs): string[] {
  const found: string[] = []
  const note = (key: string, figures: Figures, truth: Truth): void => {
    const what = problem(figures, truth, scale)
    if (what !== null) found.push(`${key} ${span}: ${what}, wanted ${JSON.stringify(truth)}`)
  }
  for (const service of SERVICES) {
    note(service, windows.service(service, span), oracle.truth(service, null, span))
    const edges = new Map(windows.edgesInto(service, span).map((e) => [e.edge, e.figures]))
    for (const instance of INSTANCES) {
      const truth = oracle.truth(service, instance, span)
      note(`${service}/${instance}`, windows.instance(service, instance, span), truth)
      const { n, errors } = edges.get(`${instance}\n${CALLER}`) ?? { n: 0, errors: 0 }
      const edge = oracle.edge(service, instance, CALLER, span)
      if (n !== edge.n || errors !== edge.errors) found.push(`edge ${service}/${instance} ${span}`)
    }
  }
  const next = windows.nextEvictionMs(span)
  if (next !== oracle.nextEvictionMs(span)) found.push(`next eviction ${span}: ${next}`)
  return found
}

describe.each([4, 5] as const)('scale %i', (scale) => {
  test('figures of every key and span are those of the oracle, all its life', () => {
    fc.assert(
      fc.property(life, (acts) => {
        const player = new Player(scale)
        const oracle = new Oracle()
        oracle.advance(player.nowMs)
        acts.forEach((act, i) => {
          const [answer, wanted] = player.play(act, oracle)
          if (answer !== wanted)
            throw new Error(`answered ${String(answer)}, not ${String(wanted)}`)
          if (i % 25 === 24) player.windows.takeChanged()
          if (i % 10 !== 9 && i !== acts.length - 1) return
          const wrong = SPANS_MS.flatMap((span) => problems(player, oracle, span))
          if (wrong.length > 0) throw new Error(wrong.join('\n'))
        })
      }),
      { numRuns: RUNS },
    )
  })

  test('what was saved goes on as if it had never been, and the image stands still', () => {
    fc.assert(
      fc.property(life, life, (before, after) => {
        const never = new Player(scale)
        const saved = new Player(scale)
        for (const act of before) {
          never.play(act, null)
          saved.play(act, null)
        }
        const { pieces, bytes } = saved.image()
        const loaded = new Player(scale, { image: bytes, nowMs: saved.nowMs })
        for (const act of after) {
          const wanted = never.play(act, null)
          expect(saved.play(act, null)).toEqual(wanted)
          expect(loaded.play(act, null)).toEqual(wanted)
        }
        const wanted = never.windows.describe()
        expect(saved.windows.describe()).toEqual(wanted)
        expect(loaded.windows.describe()).toEqual(wanted)
        const image = hex(never.image().bytes)
        expect(hex(saved.image().bytes)).toBe(image)
        expect(hex(loaded.image().bytes)).toBe(image)
        expect(loaded.windows.takeChanged(null)).toEqual(never.windows.takeChanged(null))
        expect(Buffer.concat(pieces).equals(bytes)).toBe(true)
      }),
      { numRuns: Math.ceil(RUNS / 2) },
    )
  })

  test('nothing is held of what is over', () => {
    fc.assert(
      fc.property(life, (acts) => {
        const player = new Player(scale)
        for (const act of acts) player.play(act, null)
        const { windows } = player
        windows.advance(player.nowMs + 500_000)
        windows.takeChanged()
        windows.advance(player.nowMs + 501_000)
        expect(windows.rowCount).toBe(0)
        expect(windows.bytes).toBeLessThan(20_000)
        expect(SPANS_MS.map((span) => windows.nextEvictionMs(span))).toEqual([null, null, null])
      }),
      { numRuns: Math.ceil(RUNS / 2) },
    )
  })

  test('the state is the same under any split into steps and any order within a step', () => {
    const append = fc.integer({ min: 1_000_000, max: 1_700_000 })
    fc.assert(
      fc.property(
        life,
        fc.infiniteStream(append),
        fc.integer({ min: 1, max: 400_000 }),
        (...all) => {
          const [acts, appends, everyMs] = all
          const seen = acts.flatMap((act) => {
            if (act.do !== 'add' || act.seen.caller !== null) return []
            const appendMs = appends.next().value ?? 0
            return [{ ...act.seen, appendMs, eventMs: appendMs - Math.abs(act.seen.lagMs) }]
          })
          seen.sort((a, b) => a.appendMs - b.appendMs)
          const run = (stepMs: number, order: readonly (typeof seen)[number][]): string => {
            const windows = new Windows({ graceMs: 60_000, scale })
            let endMs = 0
            for (const one of order) {
              while (one.appendMs > endMs) {
                endMs = Math.min(one.appendMs + stepMs, 1_800_000)
                windows.advance(endMs)
              }
              windows.addOf(one, countsOf(one, scale), one)
            }
            windows.advance(1_800_000)
            return hex(canonical(windows.describe()))
          }
          const reference = run(1, seen)
          expect(run(everyMs, seen)).toBe(reference)
          expect(run(2_000_000, seen.toReversed())).toBe(reference)
        },
      ),
      { numRuns: RUNS },
    )
  })
})
