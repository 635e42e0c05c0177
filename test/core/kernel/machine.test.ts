// Transition tables: what is not listed does not happen, and the picture is made of the same table.
import { expect, test } from 'vitest'
import { diagram, go, mayGo, type Transitions } from '../../../src/core/kernel/machine.ts'

const DOOR: Transitions<'open' | 'shut' | 'gone'> = {
  open: ['shut'],
  shut: ['open', 'gone'],
  gone: [],
}

test('listed moves are made, others are defects', () => {
  expect(go(DOOR, 'open', 'shut')).toBe('shut')
  expect(mayGo(DOOR, 'open', 'gone')).toBe(false)
  expect(() => go(DOOR, 'open', 'gone')).toThrow('no transition from open to gone')
  expect(() => go(DOOR, 'gone', 'gone')).toThrow('no transition from gone to gone')
})

test('the picture shows every move and where it begins', () => {
  expect(diagram(DOOR, 'shut').split('\n')).toEqual([
    'stateDiagram-v2',
    '  [*] --> shut',
    '  open --> shut',
    '  shut --> open',
    '  shut --> gone',
  ])
})
