// Runs the sections in order, goes on after a failed one, and closes with a table. The last line
// is exactly `N passed, N failed` (`, N skipped` when there are any); exit code 1 when anything
// failed, 2 on wrong use.
import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { ROOT, setDeadline } from './lib/run.mjs'
import { SECTIONS } from './lib/sections.mjs'
import { emptyTally, END_AT_SHARES, lastLine, settle, table } from './lib/tally.mjs'

const USAGE = `usage: ./scripts/test [--full] [--only SECTION]…
  --full          adds what is too long for every run (${names((section) => section.full === true)})
  --only SECTION  runs only this one, after the set-up (${names(() => true)})`

/** @param {(section: import('./lib/sections.mjs').Section) => boolean} keep */
function names(keep) {
  return SECTIONS.filter(keep)
    .map((section) => section.name)
    .join(', ')
}

/** Ends the process when the options make no sense. */
function options() {
  try {
    const { values } = parseArgs({
      options: {
        full: { type: 'boolean', default: false },
        only: { type: 'string', multiple: true, default: [] },
        help: { type: 'boolean', default: false },
      },
    })
    const unknown = values.only.find((name) => !SECTIONS.some((section) => section.name === name))
    if (unknown === undefined) return values
    console.error(`there is no section ${unknown}\n${USAGE}`)
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`)
  }
  return process.exit(2)
}

const { full, only, help } = options()
if (help) {
  console.log(USAGE)
  process.exit(0)
}
const strict = process.env['CI'] === 'true'
const chosen = SECTIONS.filter((section) => {
  if (only.length > 0) return section.name === 'set-up' || only.includes(section.name)
  return full || section.full !== true
})

/** @type {import('./lib/tally.mjs').Row[]} */
const rows = []
for (const { name, shareSeconds, run } of chosen) {
  console.log(`\n── ${name} (share ${shareSeconds} s)`)
  const start = performance.now()
  setDeadline(shareSeconds * END_AT_SHARES)
  const tally = await run((line) => console.log(line)).catch((error) => ({
    ...emptyTally(),
    failures: [`${name}: ${error instanceof Error ? error.stack : String(error)}`],
  }))
  const seconds = (performance.now() - start) / 1000
  rows.push({ name, tally: settle(tally, strict), seconds, shareSeconds })
  console.log(`   ${tally.passed} passed, ${tally.failures.length} failed, ${seconds.toFixed(1)} s`)
  if (!existsSync(`${ROOT}node_modules/.bin/vitest`)) break
}

console.log(`\n${table(rows).join('\n')}`)
for (const { name, tally } of rows) {
  for (const failure of tally.failures) console.log(`FAILED ${name}: ${failure.slice(0, 600)}`)
  for (const skip of tally.skips) console.log(`SKIPPED ${name}: ${skip}`)
}
console.log(lastLine(rows))
process.exit(rows.some((row) => row.tally.failures.length > 0) ? 1 : 0)
