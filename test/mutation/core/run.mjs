// Coverage and mutation of the code that decides (guards, decisions, incidents, plans, the fleet):
// its sources are instrumented in memory and run by the pure tests.
//   node test/mutation/core/run.mjs [--share N] [--only FOLDER] [--coverage] [--part I/N]
// --share 20: every twentieth mutant. --part 1/2: the first half of them. Prints what is not
// reached and who survived by file:line; exit code 1 below the limits.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { createVitest } from 'vitest/node'
import { instrument } from './instrument.ts'

const ROOT = resolve(import.meta.dirname, '../../..')
const FOLDERS = ['decision', 'incident', 'plan', 'fleet']
const SCORE_MIN = 0.85
/** Of test files that reach a mutant, so many that look most at its source are asked. */
const FILES_MAX = 10

const { values } = parseArgs({
  options: {
    share: { type: 'string', default: '1' },
    only: { type: 'string', multiple: true },
    coverage: { type: 'boolean', default: false },
    part: { type: 'string', default: '1/1' },
  },
})

/** @type {Map<string, string>} */
const codes = new Map()
/** @type {import('./instrument.ts').Point[]} */
const points = []
for (const folder of values.only ?? FOLDERS) {
  const at = join(ROOT, 'src/core', folder)
  for (const name of readdirSync(at).sort()) {
    const path = join(at, name)
    const made = instrument(readFileSync(path, 'utf8'), relative(ROOT, path), points.length)
    codes.set(path, made.code)
    for (const point of made.points) points.push(point)
  }
}

const plugin = {
  name: 'mutants',
  enforce: 'pre',
  load: (id) => codes.get(id.split('?')[0]) ?? null,
}

async function vitestOf(isolate) {
  return createVitest(
    'test',
    { config: false, watch: false, reporters: [{}], root: ROOT, passWithNoTests: true },
    {
      plugins: [plugin],
      logLevel: 'silent',
      test: {
        include: ['test/core/**/*.test.ts', 'test/config/policy*.test.ts'],
        setupFiles: ['test/mutation/core/setup.ts'],
        pool: 'threads',
        isolate,
        bail: isolate ? 0 : 1,
        testTimeout: 60_000,
        maxWorkers: 1,
      },
    },
  )
}

/** Runs the files and says whether all of their tests passed. */
async function passes(vitest, files) {
  const specs = (await vitest.globTestSpecifications()).filter(
    ({ moduleId }) => files === null || files.includes(moduleId),
  )
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specs)
  const failed = testModules.filter((one) => !one.ok()).map(({ moduleId }) => moduleId)
  return { ok: failed.length === 0 && unhandledErrors.length === 0, failed }
}

/** What every test file reaches: by file, the points and their ways. */
async function reach() {
  const folder = mkdtempSync(join(tmpdir(), 'healstream-reached-'))
  process.env.HEALSTREAM_REACHED = folder
  const vitest = await vitestOf(true)
  try {
    const { ok, failed } = await passes(vitest, null)
    if (!ok) console.log(`failing without any mutant, left out: ${failed.join(', ')}`)
    const read = readdirSync(folder).map((name) =>
      JSON.parse(readFileSync(join(folder, name), 'utf8')),
    )
    const files = new Map(read.map(({ file, reached }) => [file, new Map(reached)]))
    return new Map([...files].filter(([file]) => !failed.includes(file)))
  } finally {
    await vitest.close()
    delete process.env.HEALSTREAM_REACHED
    rmSync(folder, { recursive: true, force: true })
  }
}

function uncovered(files) {
  const all = new Map()
  for (const reached of files.values())
    for (const [id, ways] of reached) all.set(id, (all.get(id) ?? 0) | ways)
  const wanted = points.filter(({ ways }) => ways !== 'none')
  const missing = wanted.flatMap(({ id, file, line, ways }) => {
    const found = all.get(id) ?? 0
    if (found === 0) return [`${file}:${line} is not reached`]
    if (ways === 'one' || found === 3) return []
    return [`${file}:${line} is never ${found === 1 ? 'false' : 'true'}`]
  })
  console.log(`coverage: ${wanted.length - missing.length} of ${wanted.length} ways reached`)
  for (const line of new Set(missing)) console.log(`  ${line}`)
  return missing.length
}

/** Test files that reach a point, those first that reach most of its source. */
function filesOf(point, files) {
  const near = points.filter(({ file }) => file === point.file).map(({ id }) => id)
  const counted = [...files].flatMap(([file, reached]) => {
    if (!reached.has(point.id)) return []
    const mirror = file.endsWith(point.file.replace('src/', 'test/').replace('.ts', '.test.ts'))
    return [
      { file, count: near.filter((id) => reached.has(id)).length / (1 + reached.size), mirror },
    ]
  })
  counted.sort((a, b) => Number(b.mirror) - Number(a.mirror) || b.count - a.count)
  return counted.slice(0, FILES_MAX).map(({ file }) => file)
}

async function mutate(files) {
  const [part, parts] = values.part.split('/').map(Number)
  const mutants = points
    .filter(({ mutant, id }) => mutant !== null && id % Number(values.share) === 0)
    .filter((_, i) => i % parts === part - 1)
  const vitest = await vitestOf(false)
  let killed = 0
  const survivors = []
  try {
    for (const [i, point] of mutants.entries()) {
      const asked = filesOf(point, files)
      process.env.HEALSTREAM_MUTANT = String(point.id)
      // The mirror alone as a rule finds it.
      const isFound =
        asked.length > 0 &&
        (!(await passes(vitest, asked.slice(0, 1))).ok ||
          (asked.length > 1 && !(await passes(vitest, asked.slice(1))).ok))
      if (isFound) killed += 1
      else {
        survivors.push(point)
        console.log(`survived ${point.file}:${point.line} ${point.mutant} (#${point.id})`)
      }
      if (i % 50 === 49) console.log(`  ${i + 1} of ${mutants.length}, ${killed} found`)
    }
  } finally {
    await vitest.close()
  }
  const score = mutants.length === 0 ? 1 : killed / mutants.length
  console.log(`mutants: ${killed} of ${mutants.length} found, score ${(100 * score).toFixed(1)} %`)
  return score
}

const files = await reach()
const missing = uncovered(files)
const score = values.coverage ? 1 : await mutate(files)
process.exit(missing === 0 && score >= SCORE_MIN ? 0 : 1)
