// Pages: links that resolve inside the repository, requirement IDs that exist, states that are
// kept true, and the page of errors, which is printed from the code.
import { LogError, type LogErrorCode } from '../../src/runtime/log-error.ts'
import { LOG_REACTIONS, type Reaction, REACTIONS, reactionTo } from '../../src/runtime/reaction.ts'
import { TASK_STATES, TASK_TRANSITIONS } from '../../src/runtime/task-state.ts'
import { diagram } from '../../src/core/kernel/machine.ts'
import { ERRORS } from '../../src/adapters/client/error-codes.ts'
import { dirname, join, normalize } from 'node:path'
import { EXIT, FAILURES } from '../../src/contracts/failure.ts'
import type { Finding, SourceText } from './tree.ts'

const ID = /\b(?:S[0-4]|[CP])-\d{2}\b/g

/** GitHub's anchor of a heading. */
function anchor(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-')
}

function anchors(page: string): ReadonlySet<string> {
  const headings = page.split('\n').flatMap((line) => /^#{1,6} (.+)$/.exec(line)?.[1] ?? [])
  return new Set(headings.map(anchor))
}

function linkProblem(
  from: string,
  link: string,
  files: ReadonlyMap<string, string>,
): string | null {
  const [path = '', fragment = ''] = link.split('#')
  const target = path === '' ? from : normalize(join(dirname(from), path)).replace(/\/$/, '')
  if (target.startsWith('..')) return `${link}: leaves the repository`
  const folder = [...files.keys()].some((name) => name.startsWith(`${target}/`))
  const text = files.get(target)
  if (text === undefined && !folder) return `${link}: there is no ${target}`
  if (fragment === '' || text === undefined || !target.endsWith('.md')) return null
  return anchors(text).has(fragment) ? null : `${link}: ${target} has no such heading`
}

/** Relative links that do not resolve; what is inside code is no link. */
export function brokenLinks(
  page: SourceText,
  files: ReadonlyMap<string, string>,
): readonly Finding[] {
  let inFence = false
  return page.text.split('\n').flatMap((text, i) => {
    if (/^\s*```/.test(text)) inFence = !inFence
    if (inFence) return []
    const links = [...text.replace(/`[^`]*`/g, '').matchAll(/\]\(([^)\s]+)\)/g)]
    return links.flatMap(([, link = '']) => {
      if (/^(https?|mailto):/.test(link)) return []
      const what = linkProblem(page.path, link, files)
      return what === null ? [] : [{ path: page.path, line: i + 1, what }]
    })
  })
}

/** Mentions of documents that are not in the repository. */
export function outsideMentions(page: SourceText): readonly Finding[] {
  return page.text.split('\n').flatMap((text, i) => {
    const found = /(?:^|[\s`(])((?:[.][.]\/)*shared\/\S*|reference\/\S+[.]md|peers\/\S*)/.exec(text)
    if (found === null) return []
    return [{ path: page.path, line: i + 1, what: `${found[1]}: is not in the repository` }]
  })
}

/** A row of the requirement table. */
export interface Requirement {
  readonly id: string
  readonly state: string
}

/** Rows of docs/requirements.md: the first cell is the ID, the last one the state. */
export function requirements(page: string): readonly Requirement[] {
  return page.split('\n').flatMap((line) => {
    const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim())
    const id = /^(?:S[0-4]|[CPMN])-\d{2}$/.exec(cells[1] ?? '')?.[0]
    return id === undefined ? [] : [{ id, state: cells.at(-2) ?? '' }]
  })
}

/**
 * What is wrong with a state: `planned`, `partial: where`, `done: where`, where = files in
 * backquotes.
 */
export function stateProblem(state: string, exists: (path: string) => boolean): string | null {
  if (state === 'planned') return null
  const where = /^(?:partial|done): (.+)$/.exec(state)?.[1]
  if (where === undefined)
    return `state \`${state}\`: planned, \`partial: where\` or \`done: where\``
  const paths = [...where.matchAll(/`([^`]+)`/g)].map(([, path = '']) => path)
  if (paths.length === 0) return `state \`${state}\` names no file in backquotes`
  const missing = paths.find((path) => !exists(path))
  return missing === undefined ? null : `state names ${missing}, which does not exist`
}

/** IDs used in a file that the table does not have. */
export function unknownIds(file: SourceText, known: ReadonlySet<string>): readonly Finding[] {
  return file.text
    .split('\n')
    .flatMap((text, i) =>
      [...text.matchAll(ID)]
        .filter(([id]) => !known.has(id))
        .map(([id]) => ({ path: file.path, line: i + 1, what: `${id} is not in the table` })),
    )
}

const EXIT_MEANING: ReadonlyMap<string, string> = new Map([
  ['ok', 'done, or nothing to do'],
  ['findings', 'it ran and found something: a difference, a failed check, a broken chain'],
  ['usage', 'the command, its configuration or a file it was given is wrong'],
  ['unreachable', 'something it needs does not answer'],
  ['partial', 'part of the answer is missing'],
  ['interrupted', 'ended by Ctrl-C'],
])

/** docs/errors.md, printed from `src/contracts/failure.ts`. */
export function errorsPage(): string {
  const exits = Object.entries(EXIT).map(
    ([name, code]) => `| ${code} | ${EXIT_MEANING.get(name) ?? name} |`,
  )
  const codes = Object.entries(FAILURES).map(
    ([code, { exit, fix }]) => `| \`${code}\` | ${exit} | ${fix} |`,
  )
  return [
    '<!-- Generated from src/contracts/failure.ts: `npx vitest run test/tidy/pages.test.ts -u` -->',
    '# Errors',
    '',
    'Every error that a person can meet has a code that never changes its meaning, an exit code',
    'for scripts, and a next step. The message before it says what was found, and where.',
    '',
    '| Exit code | Meaning |',
    '|---|---|',
    ...exits,
    '',
    '| Code | Exit | What to do |',
    '|---|---|---|',
    ...codes,
    '',
  ].join('\n')
}

/** The error table of docs/kafka.md: what each error of Kafka means, and what is done about it. */
export function kafkaErrorTable(): readonly string[] {
  const byMeaning = new Map<string, string[]>()
  for (const [name, [code, meaning]] of Object.entries(ERRORS))
    byMeaning.set(meaning, [...(byMeaning.get(meaning) ?? []), `${name} (${code})`])
  const rows = [...byMeaning].map(([meaning, names]) => {
    if (meaning === 'again') return `| asked again | | | ${names.join(', ')} |`
    const error = new LogError(meaning as LogErrorCode, '')
    const reading = reactionTo(error, 'read')
    return `| \`${meaning}\` | ${reading} | ${reactionTo(error, 'commit')} | ${names.join(', ')} |`
  })
  const ours = (['UNAVAILABLE', 'IN_DOUBT'] as const).map((code) => {
    const error = new LogError(code, '')
    const [reading, committing] = [reactionTo(error, 'read'), reactionTo(error, 'commit')]
    return `| \`${code}\` | ${reading} | ${committing} | none: no answer in time |`
  })
  return [
    '| meaning | reading, fencing | committing | errors of Kafka |',
    '|---|---|---|---|',
    ...rows.toSorted(),
    ...ours,
  ]
}

/** What docs/operations.md prints of the life of a task: its picture, and what each state means. */
export function taskLife(): string {
  const rows = Object.entries(TASK_STATES).map(([state, what]) => `| ${state} | ${what} |`)
  return [
    '```mermaid',
    diagram(TASK_TRANSITIONS, 'Created'),
    '```',
    '',
    '| state | what happens |',
    '|---|---|',
    ...rows,
  ].join('\n')
}

/** What docs/operations.md prints of errors: which reaction each asks for, and what that is. */
export function reactionTable(): string {
  const codes = Object.keys(LOG_REACTIONS) as LogErrorCode[]
  const names = Object.keys(REACTIONS) as Reaction[]
  const rows = names.map((reaction) => {
    const named = codes.flatMap((code) => {
      const error = new LogError(code, '')
      const [otherwise, commit] = [reactionTo(error, 'read'), reactionTo(error, 'commit')]
      if (otherwise === reaction && commit === reaction) return [`\`${code}\``]
      if (otherwise === reaction) return [`\`${code}\` outside of a commit`]
      return commit === reaction ? [`\`${code}\` of a commit`] : []
    })
    const more = reaction === 'stop' ? ['every error with a code of its own (`HS_…`)'] : []
    const thrown = reaction === 'poison' ? ['whatever the core throws'] : []
    const errors = [...named, ...more, ...thrown].join(', ')
    return `| [${reaction}](#${reaction}) | ${REACTIONS[reaction]} | ${errors} |`
  })
  return ['| reaction | what is done | errors |', '|---|---|---|', ...rows].join('\n')
}
