// No unfinished work, no path of one machine, no address of a registry in any file.
import { expect, test } from 'vitest'
import { FILES, lines, planted } from './tree.ts'
import { bannedWords } from './words.ts'

test.each([
  '// TODO: later',
  '// FIXME',
  '/* a stub */',
  "const a = 'placeholder'",
  "throw new Error('not implemented')",
  "const a = '/home/ann/x'",
  '# see /home/ann/notes',
  '// fixes issue 12',
])('planted: %s', (text) => {
  expect(bannedWords(planted(text))).toHaveLength(1)
})

test('planted: a lock file that names a registry', () => {
  const lock = '{\n  "resolved": "https://example.org/a.tgz"\n}'
  expect(bannedWords(planted(lock, 'package-lock.json'))).toHaveLength(1)
})

test('what is fine', () => {
  const fine = [
    '// a stubborn broker, a method, tissue 5',
    "const a = './work/b'",
    "const a = 'http://localhost:8081/'",
  ]
  for (const text of fine) expect(lines(bannedWords(planted(text))), text).toEqual([])
})

test('the repository', () => {
  expect(FILES.length).toBeGreaterThan(20)
  expect(lines(FILES.flatMap(bannedWords))).toEqual([])
})
