// Section `package`: what `npm pack` would ship, and (in --full) whether the packed tarball works
// when it is installed somewhere else.
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT, run } from './run.mjs'
import { count, emptyTally } from './tally.mjs'

const LIMIT = { timeoutMs: 120_000 }
const WANTED = [
  'package.json',
  'LICENSE',
  'README.md',
  'CHANGELOG.md',
  'dist/cli/main.js',
  'dist/index.d.ts',
  'examples/agent.yaml',
  'examples/scenarios/crash.scenario.txt',
  'examples/notifier.yaml',
  'examples/service.mjs',
]
const PAGES = /^(package[.]json|LICENSE|README[.]md|CHANGELOG[.]md)$/
const EXAMPLES =
  /^examples\/(demo\/.+[.]yaml|scenarios\/.+[.]txt|(agent|notifier)[.]yaml|service[.]mjs)$/
const PARTS = /^(schemas\/.+[.]avsc|schemas\/policy\/.+[.]json|dist\/.+[.](js|d[.]ts|map))$/

/**
 * Problems of the list of packed files. @param {readonly string[]} files
 * @param {(path: string) => boolean} exists whether a source exists @returns {string[]}
 */
export function packProblems(files, exists) {
  const missing = WANTED.filter((file) => !files.includes(file)).map((file) => `missing: ${file}`)
  const foreign = files
    .filter((file) => ![PAGES, EXAMPLES, PARTS].some((part) => part.test(file)))
    .map((file) => `unexpected: ${file}`)
  const schemas = files.some((file) => file.startsWith('schemas/')) ? [] : ['missing: schemas/']
  const stale = files
    .filter((file) => /^dist\/.+[.]js$/.test(file))
    .filter((file) => !exists(file.replace(/^dist\//, 'src/').replace(/[.]js$/, '.ts')))
    .map((file) => `stale: ${file} has no source, remove dist and build again`)
  return [...missing, ...foreign, ...schemas, ...stale]
}

/** @param {(line: string) => void} say */
export async function packageSection(say) {
  const tally = emptyTally()
  const result = await run('npm', ['pack', '--dry-run', '--json', '--loglevel=error'], LIMIT)
  let problems = ['npm pack printed no list']
  try {
    const answer = JSON.parse(result.stdout)
    const [packed] = Object.values(answer)
    const paths = packed.files.map((/** @type {{ path: string }} */ file) => file.path)
    problems = packProblems(paths, (path) => existsSync(ROOT + path))
  } catch (error) {
    problems.push(String(error), result.output.slice(-500))
  }
  for (const problem of problems.slice(0, 10)) say(problem)
  count(tally, problems.length === 0, `npm pack: ${problems.slice(0, 3).join('; ')}`)
  const here = await run('npx', ['--no-install', 'healstream', '--version'], LIMIT)
  count(tally, here.code === 0, `npx healstream, from the clone: ${here.output.slice(-300)}`)
  return tally
}

/**
 * Packs, installs into an empty folder, runs the command there.
 * @param {(line: string) => void} say
 */
export async function tarballSection(say) {
  const tally = emptyTally()
  const folder = mkdtempSync(join(tmpdir(), 'healstream-pack-'))
  try {
    await run('npm', ['pack', '--pack-destination', folder, '--loglevel=error'], LIMIT)
    const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? 'no-tarball.tgz'
    writeFileSync(join(folder, 'package.json'), '{ "name": "try", "private": true }')
    const at = { ...LIMIT, cwd: folder }
    const steps = [
      ['npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', `./${tarball}`],
      ['npx', '--no-install', 'healstream', '--help'],
      ['npx', '--no-install', 'healstream', '--version'],
      ['npx', '--no-install', 'healstream', 'demo', '--headless', '--fault', 'hang'],
    ]
    for (const [command = '', ...args] of steps) {
      const result = await run(command, args, at)
      const name = `${command} ${args.join(' ')}`
      if (result.code !== 0) say(result.output.trim().split('\n').slice(-10).join('\n'))
      count(tally, result.code === 0, `from the tarball: ${name}`)
    }
    await lintOutside(folder, tally)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return tally
}

/**
 * A bad policy must be refused with its place, by the installed command.
 * @param {string} folder
 * @param {import('./tally.mjs').Tally} tally
 */
async function lintOutside(folder, tally) {
  writeFileSync(join(folder, 'bad.yaml'), 'kind: HealPolicy\nspec: 3\n')
  const args = ['--no-install', 'healstream', 'policy', 'lint', 'bad.yaml']
  const result = await run('npx', args, { ...LIMIT, cwd: folder })
  const refused = result.code !== 0 && /bad[.]yaml:\d+/.test(result.output)
  count(
    tally,
    refused,
    `from the tarball: policy lint of a bad policy: ${result.output.slice(-300)}`,
  )
}
