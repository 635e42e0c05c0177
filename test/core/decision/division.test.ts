// What is said of divisions in a trigger: whole numbers, and by what can be 0.
import { expect, test } from 'vitest'
import { compileTrigger } from '../../../src/core/decision/expression.ts'

/** The notes of a trigger, each as the text it points at and its sentence. */
function notes(text: string): readonly string[] {
  const compiled = compileTrigger(text)
  if (!compiled.ok) throw new Error(compiled.problem.message)
  return compiled.trigger.notes.map(({ message, start, end }) => {
    return `${text.slice(start, end)}: ${message}`
  })
}

test.each([
  ['n > 1 / 2', ['1 / 2: whole numbers are divided to a whole number (1 / 2 is 0)']],
  ['error_rate > 1.0 / 2.0', []],
  ['p99_ms / n > 2.0', ['p99_ms / n: divides by n, which can be 0']],
  ['p99_ms / error_rate > 2.0', ['p99_ms / error_rate: divides by error_rate, which can be 0']],
  ['p99_ms / 2.0 > 2.0', []],
  ['p99_ms / 0.0 > 2.0', ['p99_ms / 0.0: divides by 0']],
  ['n > 7 % 2', []],
  ['n > 7 % 0', ['7 % 0: divides by 0']],
  ['n > 1 / 0', ['1 / 0: divides by 0']],
  ['p99_ms - n > 2.0', []],
  ['p99_ms / incarnation > 2.0', ['p99_ms / incarnation: divides by incarnation, which can be 0']],
  ['1.0 / (p99_ms + 1.0) > 0.5', []],
])('%s', (text, said) => {
  expect(notes(text)).toEqual(said)
})

test('it says what to write instead', () => {
  const hintOf = (text: string): string | null => {
    const compiled = compileTrigger(text)
    return compiled.ok ? (compiled.trigger.notes[0]?.hint ?? null) : null
  }
  expect(hintOf('n > 1 / 2')).toBe('write one of them with a point, as in 1.0')
  expect(hintOf('p99_ms / n > 2.0')).toContain('or add a clause n > 0')
  expect(hintOf('p99_ms / 0.0 > 2.0')).toBeNull()
})
