// `npm run nemesis`: faults on real brokers, checked by a program of its own (test/nemesis/main.ts,
// which has the options). Workers run from the build, everything else from the sources.
import { existsSync } from 'node:fs'
import '../test/support/ts.mjs'
import { ROOT } from './lib/run.mjs'

if (!existsSync(`${ROOT}dist/cli/main.js`)) {
  console.error('The workers run from the build: run `npm run build` first.')
  process.exit(2)
}
await import(`${ROOT}test/nemesis/main.ts`)
