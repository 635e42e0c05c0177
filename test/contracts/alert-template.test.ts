// Places in texts of rules: labels and the value, and nothing else of Go's templates (S2-44).
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fillTemplate, templateProblem } from '../../src/contracts/alert-template.ts'

const filling = { labels: { instance: 'shop-1', zone: '$value {{' }, value: 81.234_567 }

test.each([
  ['High CPU usage on {{ $labels.instance }}', 'High CPU usage on shop-1'],
  ['{{$labels.instance}}: {{- $value -}} %', 'shop-1: 81.2346 %'],
  ['{{ $labels.nobody }}.', '.'],
  ['{{ $labels.constructor }}.', '.'],
  // What is filled in is text, whatever it looks like.
  ['{{ $labels.zone }}', '$value {{'],
  ['nothing $value here', 'nothing $value here'],
])('%s', (text, expected) => {
  expect(templateProblem(text, { mayHaveValue: true })).toBeNull()
  expect(fillTemplate(text, filling)).toBe(expected)
})

test.each([
  ['a {{ printf "%.2f" $value }}', 2, 'is not supported'],
  ['{{ humanize $value }}', 0, 'is not supported'],
  ['{{ $labels.a }} {{ if true }}', 16, 'is not supported'],
  ['{{ $labels.instance', 0, '{{ without its }}'],
  ['{{ $value }}', 0, 'another alert with every value'],
])('refused: %s', (text, at, said) => {
  const found = templateProblem(text, { mayHaveValue: false })
  expect(found?.at).toBe(at)
  expect(found?.problem).toContain(said)
})

test('what has no problem is filled without a trace of its places', () => {
  const piece = fc.constantFrom('{{', '}}', ' ', '$value', '$labels.a', 'x', '-', '\n')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = pieces.join('')
      if (templateProblem(text, { mayHaveValue: true }) !== null) return
      expect(fillTemplate(text, { labels: { a: 'b' }, value: 1 })).not.toContain('{{')
    }),
  )
})
