// Comments are wrapped at 100 columns without touching what fits, lists, tags or code.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { wrapComments } from '../../scripts/lib/wrap.mjs'

const long = 'word '.repeat(30).trim()

test('a paragraph with a long line is filled, its neighbours stay', () => {
  const source = `// short\n\n  // ${long}\n  // end\nconst a = 1 // ${long}\n`
  const lines = wrapComments(source).split('\n')
  expect(lines.slice(0, 2)).toEqual(['// short', ''])
  expect(lines.slice(2, 4).every((line) => line.startsWith('  // word'))).toBe(true)
  expect(lines.slice(2, 4).join(' ').endsWith('word end')).toBe(true)
  expect(lines[4]).toBe(`const a = 1 // ${long}`)
})

test('a doc comment on one line becomes a block, a tag a line', () => {
  const source = `  /** ${long} @param a what @returns b */\n`
  const lines = wrapComments(source).trimEnd().split('\n')
  expect(lines[0]).toBe('  /**')
  expect(lines.slice(-3)).toEqual(['   * @param a what', '   * @returns b', '   */'])
})

test('lists keep their lines', () => {
  const source = `// - one\n// - ${long}\n// - three\n`
  const lines = wrapComments(source).trimEnd().split('\n')
  expect([lines[0], lines.at(-1)]).toEqual(['// - one', '// - three'])
})

test('words are kept, lines fit, and a second run changes nothing', () => {
  const word = fc.stringMatching(/^[a-z]{1,20}$/)
  const paragraph = fc.array(word, { minLength: 1, maxLength: 60 })
  fc.assert(
    fc.property(paragraph, fc.constantFrom('// ', '  // ', '   * '), (words, prefix) => {
      const source = `${prefix}${words.join(' ')}\n`
      const wrapped = wrapComments(source)
      const kept = wrapped.split('\n').flatMap((line) => line.slice(prefix.length).split(' '))
      expect(kept.filter((part) => part !== '')).toEqual(words)
      expect(wrapped.split('\n').every((line) => line.length <= 100)).toBe(true)
      expect(wrapComments(wrapped)).toBe(wrapped)
    }),
  )
})
