// The pages tell the truth as far as a machine can tell: links, requirement IDs, states, errors.
import { describe, expect, test } from 'vitest'
import { EXIT } from '../../src/contracts/failure.ts'
import { REACTIONS } from '../../src/runtime/reaction.ts'
import {
  brokenLinks,
  errorsPage,
  kafkaErrorTable,
  outsideMentions,
  reactionTable,
  requirements,
  stateProblem,
  taskLife,
  unknownIds,
} from './pages.ts'
import { FILES, lines, PAGES, planted } from './tree.ts'

const TABLE = 'docs/requirements.md'
const texts = new Map(FILES.map(({ path, text }) => [path, text]))
const rows = requirements(texts.get(TABLE) ?? '')
const known = new Set(rows.map(({ id }) => id))
const exists = (path: string): boolean =>
  texts.has(path) || [...texts.keys()].some((name) => name.startsWith(path.replace(/\/?$/, '/')))

describe('planted', () => {
  const files = new Map([['docs/b.md', '# Some heading, here\n']])
  const page = (text: string) => planted(text, 'docs/a.md')

  test('a link to nowhere', () => {
    expect(brokenLinks(page('[x](c.md)'), files)).toHaveLength(1)
    expect(brokenLinks(page('[x](../../c.md)'), files)).toHaveLength(1)
    expect(brokenLinks(page('[x](b.md#nothing)'), files)).toHaveLength(1)
    const fine = '[x](b.md) [y](b.md#some-heading-here) `[z](c.md)` [w](https://example.org)'
    expect(brokenLinks(page(fine), files)).toEqual([])
    expect(brokenLinks(page('```\n[x](c.md)\n```'), files)).toEqual([])
  })

  test('a document that is not in the repository', () => {
    expect(outsideMentions(page('see `reference/kafka.md`'))).toHaveLength(1)
    expect(outsideMentions(page('see ../shared/DESIGN.md'))).toHaveLength(1)
    expect(outsideMentions(page('a shared/owned lock'))).toHaveLength(1)
    expect(outsideMentions(page('a shared lock, docs/reference-like text'))).toEqual([])
  })

  test('an unknown requirement', () => {
    expect(unknownIds(planted('// S9-01 is no ID, S0-99 is none of ours'), known)).toHaveLength(1)
    expect(unknownIds(planted('// S0-21, C-01, P-01'), known)).toEqual([])
  })

  test('a state that is not true', () => {
    expect(stateProblem('done', exists)).not.toBeNull()
    expect(stateProblem('done: somewhere', exists)).not.toBeNull()
    expect(stateProblem('done: `src/nowhere.ts`', exists)).not.toBeNull()
    expect(stateProblem('done: `src/contracts/topics.ts`', exists)).toBeNull()
    expect(stateProblem('partial: `test/tidy`, no page yet', exists)).toBeNull()
    expect(stateProblem('planned', exists)).toBeNull()
  })
})

describe('the repository', () => {
  test('links resolve', () => {
    expect(PAGES.length).toBeGreaterThan(4)
    expect(lines(PAGES.flatMap((page) => brokenLinks(page, texts)))).toEqual([])
    expect(lines(PAGES.flatMap(outsideMentions))).toEqual([])
  })

  test('the requirement table is whole, and no ID is there twice', () => {
    const count = (letter: string): number => rows.filter(({ id }) => id.startsWith(letter)).length
    expect([count('S'), count('C'), count('M'), count('N'), count('P')]).toEqual([
      276, 38, 21, 9, 18,
    ])
    expect(known.size).toBe(rows.length)
  })

  test('every ID in use is in the table', () => {
    const users = FILES.filter(({ path }) => !/^(test\/tidy\/|package-lock)/.test(path))
    expect(lines(users.flatMap((file) => unknownIds(file, known)))).toEqual([])
  })

  test('states name files that exist', () => {
    const problems = rows.flatMap(({ id, state }) => {
      const what = stateProblem(state, exists)
      return what === null ? [] : [`${id}: ${what}`]
    })
    expect(problems).toEqual([])
  })

  test('docs/errors.md is what the code says', async () => {
    await expect(errorsPage()).toMatchFileSnapshot('../../docs/errors.md')
    for (const code of Object.values(EXIT)) expect(errorsPage()).toContain(`| ${code} | `)
  })

  test('docs/kafka.md has the error table of the code', () => {
    expect(texts.get('docs/kafka.md')).toContain(kafkaErrorTable().join('\n'))
  })

  test('docs/operations.md has the life of a task and the reactions of the code', () => {
    const page = texts.get('docs/operations.md') ?? ''
    expect(page).toContain(taskLife())
    expect(page).toContain(reactionTable())
    for (const reaction of Object.keys(REACTIONS)) expect(page).toContain(`\n### ${reaction}\n`)
  })
})
