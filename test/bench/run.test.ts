// The bench runner: turns, ratios, and sentences for wrong calls.
import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { median, quantile, random } from '../../bench/figures.mjs'
import { type Bench, measurePairs, summary } from '../../bench/run.mjs'

const bench: Bench = {
  unit: 'ms',
  rulers: ['ping', 'pong'],
  smallerIsBetter: true,
  target: 2,
  open: () => Promise.reject(new Error('not opened here')),
}

describe('the runner', () => {
  it('lets all take turns, in alternating order, and drops the first round', async () => {
    const turns: string[] = []
    const figures = await measurePairs(bench, { measure: (who) => turns.push(who) }, 2)
    expect(turns.join(' ')).toBe('subject ping pong pong ping subject subject ping pong')
    expect(Object.fromEntries(figures)).toEqual({ subject: [6, 7], ping: [5, 8], pong: [4, 9] })
  })

  it('answers with the median of the pairs, not with the ratio of medians', () => {
    const figures = new Map([
      ['subject', [10, 20, 90]],
      ['ping', [10, 10, 30]],
      ['pong', [5, 5, 5]],
    ])
    expect(summary('loop', bench, figures)).toMatchObject({
      name: 'loop',
      ratio: 2,
      ratios: { ping: 2, pong: 4 },
      unit: 'ms',
      better: 'smaller',
      target: 2,
      pairs: 3,
      subject: 20,
      ping: 10,
      pong: 5,
    })
  })

  it('holds a ruler against a subject of its own, which takes turns beside the first', async () => {
    const paired: Bench = { ...bench, subjectOf: { pong: 'subject_3' } }
    const turns: string[] = []
    await measurePairs(paired, { measure: (who) => turns.push(who) }, 0)
    expect(turns.join(' ')).toBe('subject ping subject_3 pong')
    const figures = new Map([
      ['subject', [10]],
      ['ping', [5]],
      ['subject_3', [3]],
      ['pong', [4]],
    ])
    const ratios = { ping: 2, pong: 0.75 }
    expect(summary('commit', paired, figures)).toMatchObject({ ratio: 2, ratios, subject_3: 3 })
  })

  it.each([
    [[3], 3],
    [[1, 9], 5],
    [[9, 1, 5], 5],
  ])('takes the median of %j', (values, middle) => {
    expect(median(values)).toBe(middle)
  })

  it.each([
    [0.5, 50],
    [0.99, 99],
    [1, 100],
    [0, 1],
  ])('takes the nearest rank for the quantile %d', (q, value) => {
    const values = Array.from({ length: 100 }, (_, i) => 100 - i)
    expect(quantile(values, q)).toBe(value)
  })

  it('draws the same numbers for the same seed', () => {
    const [a, b, c] = [random(7), random(7), random(8)]
    const first = [a(), a(), a()]
    expect([b(), b(), b()]).toEqual(first)
    expect([c(), c(), c()]).not.toEqual(first)
  })

  it.each([
    [['nothing'], /^Name one of the benches: .*decode/],
    [[], /^Name one of the benches: .*decode/],
    [['decode', '--pairs', '2'], /^(--pairs takes a whole number from 5; found 2|The benches run)/],
    [['decode', '--seed', 'x'], /^(--seed takes a whole number; found x|The benches run)/],
    [['decode', '--pears', '9'], /^Unknown option '--pears'/],
  ])('answers %j with a sentence', (args, sentence) => {
    const script = new URL('../../bench/run.mjs', import.meta.url).pathname
    const run = spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' })
    expect(run.status).toBe(2)
    expect(run.stderr).toMatch(sentence)
    expect(run.stderr).not.toContain('    at ')
  })
})
