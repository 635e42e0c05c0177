// S0-21 against a count from the definition: a hundred thousand records (a million in full) of
// several instances and lives, late, twice, out of order and out of a spool. Success rates exact,
// P99 within its bound, and the same state however they are split into steps.
import { expect, test } from 'vitest'
import { Sequences } from '../../../src/core/admit/sequence.ts'
import { canonical } from '../../../src/core/kernel/canonical.ts'
import { type Counts, Windows } from '../../../src/core/window/window.ts'
import type { Seen } from './oracle.ts'
import { countsOf } from './play.ts'

const isFull =
  process.env['HEALSTREAM_TEST_FULL'] !== undefined ||
  process.env['HEALSTREAM_TEST_RUNS'] !== undefined
const RECORDS = isFull ? 1_000_000 : 100_000
const INSTANCES = 20
const FROM_MS = 1_000_000_000
const SPAN_MS = 300_000
/** Half a bucket of scale 4. */
const P99_BOUND = 0.0222

interface Sent extends Seen {
  readonly agent: string
  readonly lane: number
  readonly seq: number
  readonly counts: Counts
}

function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** As they arrive; one of twenty comes twice, one of ten late, one of thirty out of a spool. */
function records(count: number): Sent[] {
  const next = random(11)
  const sent: Sent[] = []
  const seqs = new Map<string, number>()
  for (let i = 0; i < count; i++) {
    const appendMs = FROM_MS + Math.floor((i * SPAN_MS) / count)
    const life = appendMs < FROM_MS + SPAN_MS / 2 ? 1 : 2
    const instance = `shop-${Math.floor(next() * INSTANCES)}`
    const agent = `agent-of-${instance}.${life}`
    const isSpooled = next() < 1 / 30
    const lane = isSpooled ? 1 : 0
    const ageMs = isSpooled ? next() * 120_000 : next() < 0.1 ? next() * 30_000 : next() * 900
    const eventMs = Math.floor(appendMs - ageMs)
    const us = Math.floor(1_000 * (1 + next() * 20) * (next() < 0.02 ? 40 : 1))
    const key = `${agent} ${lane}`
    const seq = (seqs.get(key) ?? 0) + 1
    seqs.set(key, seq)
    const errors = next() < 0.03 ? 1 : 0
    const latencies = [[us, 1]] as const
    const one = { service: 'shop', instance, caller: null, eventMs, appendMs, errors, latencies }
    const record = { ...one, agent, lane, seq, counts: countsOf(one, 4) }
    sent.push(record)
    if (next() < 0.05) sent.push(record)
  }
  // Neighbours change places, as agents' batches overtake each other.
  for (let i = 0; i + 7 < sent.length; i += 8) {
    const a = sent[i]
    const b = sent[i + 7]
    if (a !== undefined && b !== undefined && a.appendMs === b.appendMs) {
      sent[i] = b
      sent[i + 7] = a
    }
  }
  return sent
}

/** Plays the records in steps of `stepMs`; `at` is called at the end of each. */
function play(sent: readonly Sent[], stepMs: number, at: (nowMs: number) => void): Windows {
  const windows = new Windows({ graceMs: 60_000, scale: 4 })
  const sequences = new Sequences()
  let i = 0
  for (let endMs = FROM_MS + stepMs; i < sent.length; endMs += stepMs) {
    windows.advance(Math.min(endMs, FROM_MS + SPAN_MS))
    for (let one = sent[i]; one !== undefined && one.appendMs < endMs; one = sent[++i]) {
      const { agent, lane, seq } = one
      const from = { stream: 'telemetry', agent, epoch: 1, lane } as const
      if (sequences.note(from, seq, one.appendMs) !== 'fresh') continue
      windows.addOf({ service: 'shop', instance: one.instance }, one.counts, one)
    }
    figures = windows
    at(Math.min(endMs, FROM_MS + SPAN_MS))
  }
  return windows
}
let figures: Windows

test('100,000 records, late, twice, out of order, spooled: as counted one by one', () => {
  const sent = records(RECORDS)
  const byInstance = new Map<string, Map<string, Sent>>()
  for (const one of sent) {
    const known = byInstance.get(one.instance ?? '') ?? new Map<string, Sent>()
    byInstance.set(one.instance ?? '', known.set(`${one.agent} ${one.lane} ${one.seq}`, one))
  }
  let compared = 0
  const windows = play(sent, 50_000, (nowMs) => {
    const nowSec = Math.floor(nowMs / 1_000)
    for (let k = 0; k < INSTANCES; k++) {
      const instance = `shop-${k}`
      const all = [...(byInstance.get(instance)?.values() ?? [])]
      const kept = all.filter((one) => {
        const sec = Math.floor(one.eventMs / 1_000)
        const isTaken = one.appendMs < nowMs && one.eventMs >= one.appendMs - 60_000
        return isTaken && sec > nowSec - 60
      })
      const errors = kept.reduce((sum, one) => sum + one.errors, 0)
      const found = figures.instance('shop', instance)
      expect([found.n, found.errors]).toEqual([kept.length, errors])
      expect(found.successRate).toBe((kept.length - errors) / kept.length)
      const sorted = kept.map(({ latencies }) => latencies[0]?.[0] ?? 0).sort((a, b) => a - b)
      const exact = sorted[Math.ceil((99 * sorted.length) / 100) - 1] ?? 0
      expect(Math.abs((found.p99Us ?? 0) - exact) / exact).toBeLessThanOrEqual(P99_BOUND)
      compared += 1
    }
  })
  expect(compared).toBe(6 * INSTANCES)
  const stateOf = (of: Windows): string => Buffer.from(canonical(of.describe())).toString('hex')
  expect(stateOf(play(sent, 1_000, () => undefined))).toBe(stateOf(windows))
}, 120_000)
