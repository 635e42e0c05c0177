// Tables and the small words in their cells.
import { expect, test } from 'vitest'
import { age, duration, latency, offset, percent, table } from '../../src/cli/table.ts'

test('columns stand under each other, the last one runs free, cells are made harmless', () => {
  const rows = [
    { name: 'a', text: 'long text' },
    { name: 'längere', text: 'x\ny' },
  ]
  const columns = [
    { head: 'NAME', cell: (r: (typeof rows)[0]) => r.name },
    { head: 'TEXT', cell: (r: (typeof rows)[0]) => r.text },
  ]
  expect(table(rows, columns)).toEqual(['NAME     TEXT', 'a        long text', 'längere  x\\ny'])
  expect(table([], columns)).toEqual(['NAME  TEXT'])
})

test('a success rate is never rounded up: 99.96 % is not 100 %', () => {
  expect([percent(1), percent(0.9996), percent(0), percent(null)]).toEqual([
    '100.0 %',
    '99.9 %',
    '0.0 %',
    '-',
  ])
})

test('times read as people say them', () => {
  expect([duration(340), duration(2_871), duration(125_000)]).toEqual([
    '340 ms',
    '2.871 s',
    '2 min 5 s',
  ])
  expect([age(0, 5_000), age(0, 600_000), age(9_000, 0)]).toEqual(['5s', '10m', '0s'])
  expect([offset(4), offset(-200)]).toEqual(['+0.004 s', '-0.200 s'])
  expect([latency(4_200), latency(1_500_000), latency(null)]).toEqual(['4.2 ms', '1.50 s', '-'])
})
