// The static checks, in the order in which they are cheapest to fail; `npm run check` and the
// section `check` of `./scripts/test` both run them.
import { readFileSync } from 'node:fs'
import { ROOT, run, tool } from './run.mjs'

const LIMIT = { timeoutMs: 120_000 }

/**
 * @typedef {{ ok: boolean, output: string, seconds: number }} StepResult
 * @typedef {{ name: string, fix: string, run: () => Promise<StepResult> }} Step
 */

/** @param {import('./run.mjs').RunResult} result @returns {StepResult} */
const plain = (result) => ({
  ok: result.code === 0,
  output: result.output,
  seconds: result.seconds,
})

async function types() {
  const source = await tool('tsc', ['-b'], LIMIT)
  const tests = await tool('tsc', ['-b', 'test', 'scripts'], LIMIT)
  return {
    ok: source.code === 0 && tests.code === 0,
    output: source.output + tests.output,
    seconds: source.seconds + tests.seconds,
  }
}

/**
 * A tsconfig that the linter's engine refuses turns every typed rule off, silently: that is a
 * failure.
 */
async function lint() {
  const result = await tool('oxlint', ['--type-aware'], LIMIT)
  const files = Number(/ on (\d+) files? /.exec(result.output)?.[1] ?? 0)
  if (/tsconfig-error/.test(result.output)) {
    return { ...plain(result), ok: false, output: `${result.output}\ntyped rules did not run` }
  }
  if (files === 0)
    return { ...plain(result), ok: false, output: `${result.output}\n0 files linted` }
  return plain(result)
}

/**
 * With a TypeScript it does not know, the tool reports no violations in 0 modules: that is a
 * failure.
 */
async function imports() {
  const args = ['--config', '.dependency-cruiser.cjs', '--output-type', 'json', 'src', 'scripts']
  const result = await tool('depcruise', args, LIMIT)
  try {
    const { summary } = JSON.parse(result.stdout)
    const lines = summary.violations.map(
      (/** @type {any} */ v) => `${v.rule.name}: ${v.from} → ${v.to}`,
    )
    const cruised = `${summary.totalCruised} modules cruised`
    return {
      ok: summary.totalCruised > 0 && summary.error === 0,
      output: [...lines, cruised].join('\n'),
      seconds: result.seconds,
    }
  } catch {
    return { ...plain(result), ok: false }
  }
}

/** No address of a registry may get into the lock file, and every pin is exact. */
async function pins() {
  const lock = readFileSync(`${ROOT}package-lock.json`, 'utf8')
  const pkg = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'))
  const found = lock.includes('"resolved"') ? ['package-lock.json names a registry address'] : []
  for (const [name, version] of Object.entries({ ...pkg.dependencies, ...pkg.devDependencies })) {
    if (!/^\d+\.\d+\.\d+$/.test(String(version))) found.push(`${name}: ${version} is not exact`)
  }
  return { ok: found.length === 0, output: found.join('\n'), seconds: 0 }
}

/** @type {readonly Step[]} */
export const STEPS = [
  { name: 'pins', fix: 'write exact versions, then `npm install`', run: pins },
  {
    name: 'format',
    fix: 'npm run format',
    run: async () => plain(await tool('biome', ['format', '.'], LIMIT)),
  },
  {
    name: 'generated',
    fix: 'node scripts/generate-records.mjs',
    run: async () => plain(await run('node', ['scripts/generate-records.mjs', '--check'], LIMIT)),
  },
  { name: 'types', fix: 'npx tsc -b && npx tsc -b test scripts', run: types },
  { name: 'lint', fix: 'npx oxlint --type-aware', run: lint },
  {
    name: 'imports',
    fix: 'npx depcruise --config .dependency-cruiser.cjs src scripts',
    run: imports,
  },
  { name: 'dead code', fix: 'npx knip', run: async () => plain(await tool('knip', [], LIMIT)) },
]
