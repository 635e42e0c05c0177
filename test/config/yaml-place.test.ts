// Places in a YAML text: of values, of keys, of missing values, inside texts.
import { LineCounter, parseDocument } from 'yaml'
import { expect, test } from 'vitest'
import {
  placeInText,
  placeOf,
  placeOfKey,
  placeOfPath,
  type YamlText,
} from '../../src/config/yaml-place.ts'

function yaml(text: string): YamlText {
  const lines = new LineCounter()
  return { text, lines, document: parseDocument(text, { lineCounter: lines }) }
}

const TEXT = 'a:\n  b: [x, yy]\n  c: |\n    one\n    two\n'

test('values, keys, items', () => {
  const at = yaml(TEXT)
  expect(placeOfPath(at, ['a', 'b', 1])).toEqual({ line: 2, column: 10 })
  expect(placeOfKey(at, ['a'], 'c')).toEqual({ line: 3, column: 3 })
  expect(placeOf(at, 0)).toEqual({ line: 1, column: 1 })
})

test('what is missing is placed at the nearest object around it', () => {
  const at = yaml(TEXT)
  expect(placeOfPath(at, ['a', 'zz', 'q'])).toEqual({ line: 2, column: 3 })
  expect(placeOfKey(at, ['a'], 'zz')).toEqual({ line: 2, column: 3 })
  expect(placeOf(at, 9_999)).toEqual({ line: 6, column: 1 })
})

test('inside a text', () => {
  const at = yaml(TEXT)
  expect(placeInText(at, ['a', 'b', 1], 1)).toEqual({ line: 2, column: 11 })
  expect(placeInText(at, ['a', 'c'], 5)).toEqual({ line: 5, column: 6 })
  expect(placeInText(at, ['a', 'b'], 1)).toEqual({ line: 2, column: 6 })
})
