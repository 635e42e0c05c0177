// Durations in documents and in sentences.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatDuration, parseDuration } from '../../src/contracts/duration.ts'

test.each([
  ['250ms', 250],
  ['90s', 90_000],
  ['5m', 300_000],
  ['1m30s', 90_000],
  ['1.5s', 1_500],
  ['0s', 0],
  ['2h', 7_200_000],
  ['1d', 86_400_000],
  ['5', null],
  ['5 m', null],
  ['-5m', null],
  ['5M', null],
  ['', null],
  ['5mm', null],
  ['1e3s', null],
  ['9999999999s', null],
])('parse %j is %j', (text, ms) => {
  expect(parseDuration(text)).toBe(ms)
})

test.each([
  [0, '0 s'],
  [250, '250 ms'],
  [1_500, '1.5 s'],
  [60_000, '1 min'],
  [299_000, '4 min 59 s'],
  [3_600_000, '1 h'],
  [5_400_000, '1 h 30 min'],
  [90_061_000, '1 d 1 h'],
  [-5, '0 s'],
])('format %d is %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text)
})

test('a sum of parts is parsed as their sum', () => {
  const part = fc.nat(999)
  fc.assert(
    fc.property(part, part, part, (h, m, s) => {
      expect(parseDuration(`${h}h${m}m${s}s`)).toBe(h * 3_600_000 + m * 60_000 + s * 1_000)
    }),
  )
})
