// `npm run nemesis`: faults on real brokers, checked by a program of its own (test/nemesis/main.ts,
// which has the options). Workers run from the build, everything else from the sources.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { ROOT } from './lib/run.mjs'

if (!existsSync(`${ROOT}dist/cli/main.js`)) {
  console.error('The workers run from the build: run `npm run build` first.')
  process.exit(2)
}
const main = [`--import=${ROOT}test/support/ts.mjs`, `${ROOT}test/nemesis/main.ts`]
const { status } = spawnSync(process.execPath, [...main, ...process.argv.slice(2)], {
  stdio: 'inherit',
})
process.exit(status ?? 1)
