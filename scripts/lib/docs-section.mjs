// Section `docs`: the examples in README.md and docs/*.md. Every policy shown must pass the
// linter, and every command line shown must exist with every flag it uses.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT, run } from './run.mjs'
import { count, emptyTally } from './tally.mjs'

const LIMIT = { timeoutMs: 30_000 }
const MAIN = `${ROOT}dist/cli/main.js`

/** @typedef {{ file: string, line: number, lang: string, text: string }} Example */

/** Fenced blocks of a page. @param {string} file @param {string} page @returns {Example[]} */
export function fences(file, page) {
  const found = []
  /** @type {Example | null} */
  let open = null
  for (const [i, line] of page.split('\n').entries()) {
    const fence = /^\s*```\s*(\S*)/.exec(line)
    if (fence === null) {
      if (open !== null) open.text += `${line}\n`
    } else if (open === null) {
      open = { file, line: i + 2, lang: fence[1] ?? '', text: '' }
    } else {
      found.push(open)
      open = null
    }
  }
  return found
}

/**
 * `healstream …` lines of a shell example: the words before the first flag or operand, and the
 * flags.
 * @param {string} text @returns {{ words: string[], flags: string[] }[]}
 */
export function commandLines(text) {
  return text
    .split('\n')
    .map((line) => line.replace(/\s#.*$/, '').replace(/^\s*[$>]\s*/, ''))
    .flatMap((line) => /(?:^|\s)(?:npx\s+)?healstream\s+(.+)$/.exec(line)?.[1] ?? [])
    .map((rest) => {
      const parts = rest.split(/[|>&]/)[0]?.trim().split(/\s+/) ?? []
      const plain = parts.findIndex((part) => !/^[a-z][a-z-]*$/.test(part))
      return {
        words: plain === -1 ? parts : parts.slice(0, plain),
        flags: parts.flatMap((part) => /^(--?[a-z][a-z-]*)/.exec(part)?.[1] ?? []),
      }
    })
}

/** Help of the longest prefix of `words` that is a command. @param {string[]} words */
async function helpOf(words) {
  for (let n = words.length; n > 0; n--) {
    const result = await run('node', [MAIN, ...words.slice(0, n), '--help'], LIMIT)
    if (result.code === 0) return result.stdout
  }
  return null
}

/** @param {Example} example @returns {Promise<string[]>} */
async function shellProblems(example) {
  const problems = []
  for (const { words, flags } of commandLines(example.text)) {
    const help = await helpOf(words)
    if (help === null) {
      problems.push(`no command \`healstream ${words.join(' ')}\``)
      continue
    }
    const known = new Set(help.split(/[\s,=]+/))
    for (const flag of flags) {
      if (!known.has(flag)) problems.push(`${words.join(' ')} has no ${flag}`)
    }
  }
  for (const [, script = ''] of example.text.matchAll(/(?:^|\s)\.\/(scripts\/[a-z-]+)/g)) {
    if (!existsSync(ROOT + script)) problems.push(`there is no ${script}`)
  }
  return problems
}

/** @param {Example} example @param {string} folder @returns {Promise<string[]>} */
async function policyProblems(example, folder) {
  const path = join(folder, 'example.yaml')
  writeFileSync(path, example.text)
  const result = await run('node', [MAIN, 'policy', 'lint', path], LIMIT)
  return result.code === 0 ? [] : [result.output.trim()]
}

/** @param {(line: string) => void} say */
export async function docsSection(say) {
  const tally = emptyTally()
  const pages = ['README.md', ...readdirSync(`${ROOT}docs`).map((name) => `docs/${name}`)]
  const present = pages.filter((name) => name.endsWith('.md') && existsSync(ROOT + name))
  const examples = present.flatMap((name) => fences(name, readFileSync(ROOT + name, 'utf8')))
  const folder = mkdtempSync(join(tmpdir(), 'healstream-docs-'))
  try {
    for (const example of examples) {
      const shell = ['sh', 'bash', 'console', 'shell'].includes(example.lang)
      const policy = /^kind: *HealPolicy/m.test(example.text) && example.lang === 'yaml'
      if (!shell && !policy) continue
      const problems = shell ? await shellProblems(example) : await policyProblems(example, folder)
      const where = `${example.file}:${example.line}`
      for (const problem of problems) say(`${where}: ${problem}`)
      count(tally, problems.length === 0, `${where}: ${problems.join('; ')}`)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  if (tally.passed + tally.failures.length === 0)
    tally.failures.push('no example found in the docs')
  return tally
}
