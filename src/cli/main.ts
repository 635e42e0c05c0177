#!/usr/bin/env node
// Entry of the command line. Nothing but the check of Node's version happens before that check.
import { EXIT, FAILURES } from '../contracts/failure.ts'
import { nodeProblem } from './version.ts'

const problem = nodeProblem(process.versions.node)
if (problem === null) {
  const { run } = await import('./program.ts')
  process.exitCode = await run(process.argv.slice(2), process.env)
} else {
  process.stderr.write(`HS_NODE_VERSION: ${problem}\n${FAILURES.HS_NODE_VERSION.fix}\n`)
  process.exitCode = EXIT.usage
}
