// Coverage and mutation of the code that decides (guards, decisions, incidents, plans, the fleet,
// commands): its sources are instrumented in memory and run by the tests of these folders that
// reach them. What only a test of a whole task would notice counts as not noticed.
//   node --import ./test/support/ts.mjs test/mutation/core/run.mjs [options]
//   --only incident, --only decision/guards: sources whose path begins so (may be repeated)
//   --coverage: no mutants; --share 20: every twentieth mutant
// Prints what is not reached and who survived by file:line, and a table by folder; exit code 1
// below the limits.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { BaseSequencer, createVitest } from 'vitest/node'
import { instrument } from './instrument.ts'

const ROOT = resolve(import.meta.dirname, '../../..')
const FOLDERS = ['incident', 'plan', 'decision', 'fleet', 'command']
const SCORE_MIN = 0.85
/** Share of the ways to be reached; the aim is all of them (docs/reliability.md). */
const WAYS_MIN = { incident: 1, plan: 0.97, decision: 0.9, fleet: 0.97, command: 1 }
/** Test files asked about a mutant that has to be loaded afresh. */
const FILES_MAX = 3
// A mutant need not be made small, only found.
process.env.HEALSTREAM_TEST_RUNS = '120'
const HUNT = join(ROOT, 'test/mutation/core/hunt.ts')

const { values } = parseArgs({
  options: {
    share: { type: 'string', default: '1' },
    only: { type: 'string', multiple: true },
    coverage: { type: 'boolean', default: false },
  },
})

/** @type {Map<string, string>} */
const codes = new Map()
/** @type {import('./instrument.ts').Point[]} */
const points = []
for (const folder of FOLDERS) {
  const at = join(ROOT, 'src/core', folder)
  for (const name of readdirSync(at).sort()) {
    if (!(values.only ?? ['']).some((start) => `${folder}/${name}`.startsWith(start))) continue
    const path = join(at, name)
    const made = instrument(readFileSync(path, 'utf8'), relative(ROOT, path), points.length)
    codes.set(path, made.code)
    for (const point of made.points) points.push(point)
  }
}

/** @type {Map<string, Set<string>>} */
const closures = new Map()
/** The file and all that it imports, near and far. */
function closureOf(path) {
  const known = closures.get(path)
  if (known !== undefined) return known
  const found = new Set([path])
  const open = [path]
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const text = readFileSync(at, 'utf8')
    for (const [, name] of text.matchAll(/^(?:import|export|[}]).*from '([.][^']*[.]ts)'/gm)) {
      const next = resolve(dirname(at), name)
      if (found.has(next)) continue
      found.add(next)
      open.push(next)
    }
  }
  closures.set(path, found)
  return found
}

const mirrorOf = (source) => source.replace('/src/', '/test/').replace(/[.]ts$/, '.')

/** Test files that import one of the sources: mirrors first, then those that import least. */
function testsOf(sources) {
  const all = FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, 'test/core', folder))
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => join(ROOT, 'test/core', folder, name)),
  )
  const isMirror = (test) => sources.some((source) => test.startsWith(mirrorOf(source)))
  return (
    all
      .filter((test) => sources.some((source) => closureOf(test).has(source)))
      // What puts spies into the sources cannot be run again and again.
      .filter((test) => !readFileSync(test, 'utf8').includes('vi.spyOn'))
      .toSorted(
        (a, b) =>
          Number(isMirror(b)) - Number(isMirror(a)) || closureOf(a).size - closureOf(b).size,
      )
  )
}

/** The hunt comes last. */
class InOrder extends BaseSequencer {
  async sort(files) {
    return files.toSorted((a, b) => Number(a.moduleId === HUNT) - Number(b.moduleId === HUNT))
  }
}

const plugin = {
  name: 'mutants',
  enforce: 'pre',
  load: (id) => codes.get(id.split('?')[0]) ?? null,
}

/** Runs test files and gives back those that failed. */
async function failing(files, bail) {
  const vitest = await createVitest(
    'test',
    { config: false, watch: false, reporters: [{}], root: ROOT, passWithNoTests: true },
    {
      plugins: [plugin],
      logLevel: 'silent',
      test: {
        include: files.map((file) => relative(ROOT, file)),
        setupFiles: ['test/mutation/core/setup.ts'],
        pool: 'threads',
        isolate: false,
        bail,
        testTimeout: 60_000,
        maxWorkers: 1,
        sequence: { sequencer: InOrder },
      },
    },
  )
  try {
    const specs = await vitest.globTestSpecifications()
    const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specs)
    const failed = testModules.filter((one) => !one.ok())
    const why = (one) => one.errors()[0]?.message.slice(0, 300) ?? ''
    return [...failed.map((one) => `${one.moduleId} ${why(one)}`), ...unhandledErrors.map(String)]
  } finally {
    await vitest.close()
  }
}

/** Runs all tests, then the mutants over them: what hunt.ts found. */
async function hunt(mutants) {
  const folder = mkdtempSync(join(tmpdir(), 'healstream-hunt-'))
  const path = join(folder, 'hunt.json')
  writeFileSync(path, JSON.stringify({ points, mutants }))
  process.env.HEALSTREAM_HUNT = path
  try {
    const failed = await failing([...testsOf([...codes.keys()]), HUNT], 0)
    for (const file of failed) console.log(`fails without any mutant: ${file}`)
    return JSON.parse(readFileSync(path, 'utf8'))
  } finally {
    delete process.env.HEALSTREAM_HUNT
    rmSync(folder, { recursive: true, force: true })
  }
}

function uncovered(ways) {
  const wanted = points.filter((point) => point.ways !== 'none')
  const missing = wanted.flatMap((point) => {
    const found = ways[point.id]
    const { file, line } = point
    if (found === 0) return [{ point, text: `${file}:${line} is not reached` }]
    if (point.ways === 'one' || found === 3) return []
    return [{ point, text: `${file}:${line} is never ${found === 1 ? 'false' : 'true'}` }]
  })
  for (const text of new Set(missing.map((one) => one.text))) console.log(text)
  return missing.map(({ point }) => point)
}

/** Mutants that need modules loaded afresh: each in a run of its own. */
async function alone(ids) {
  const killed = []
  for (const id of ids) {
    process.env.HEALSTREAM_MUTANT = String(id)
    const files = testsOf([join(ROOT, points[id].file)]).slice(0, FILES_MAX)
    if ((await failing(files, 1)).length > 0) killed.push(id)
  }
  delete process.env.HEALSTREAM_MUTANT
  return killed
}

function table(missing, asked, killed) {
  const folderOf = ({ file }) => file.split('/')[2]
  const count = (all, folder) => all.filter((one) => folderOf(one) === folder).length
  const percent = (part, whole) => (whole === 0 ? 100 : (100 * part) / whole).toFixed(1)
  const wanted = points.filter(({ ways }) => ways !== 'none')
  console.log('| folder | ways reached | mutants found | score |\n|---|---|---|---|')
  let isGood = true
  for (const folder of FOLDERS.filter((one) => count(points, one) > 0)) {
    const ways = count(wanted, folder)
    const [found, mutants] = [count(killed, folder), count(asked, folder)]
    const reached = `${ways - count(missing, folder)} of ${ways}`
    const score = mutants === 0 ? '' : `${percent(found, mutants)} %`
    console.log(`| ${folder} | ${reached} | ${found} of ${mutants} | ${score} |`)
    if (ways - count(missing, folder) < WAYS_MIN[folder] * ways) isGood = false
    if (found < SCORE_MIN * mutants) isGood = false
  }
  return isGood
}

const mutants = values.coverage
  ? []
  : points.filter(({ mutant, id }) => mutant !== null && id % Number(values.share) === 0)
const found = await hunt(mutants.map(({ id }) => id))
const missing = uncovered(found.ways)
for (const name of found.once) console.log(`cannot be run twice: ${name}`)
const killed = new Set([...found.killed, ...(await alone(found.afresh))])
for (const { id, file, line, mutant } of mutants)
  if (!killed.has(id)) console.log(`survived ${file}:${line} ${mutant}`)
const dead = points.filter(({ id }) => killed.has(id))
process.exit(table(missing, mutants, dead) ? 0 : 1)
