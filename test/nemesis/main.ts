// `npm run nemesis -- --minutes N --seed S [--brokers 3] [--workers 3] [--runs K] [--output json]`:
// runs on a cluster of its own and says what the checker found. With --runs K it goes on, seed
// after seed, until K clean runs of this commit are in the results file; ended in between, it
// continues. `--only KIND,KIND` measures what some faults cost, each by itself; such a run never
// counts. `--table` prints the results as docs/reliability.md shows them.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { killChildren } from './child.ts'
import { FAULT_KINDS, type FaultKind } from './plan.ts'
import { appendResult, readResults, type Result, resultTable } from './result.ts'
import { runOnce } from './run.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
/** A change here makes earlier runs say nothing. */
const JUDGED = ['src/runtime', 'src/adapters/client', 'src/adapters/kafka']
const CLEAN = 0
const FOUND = 1
const USAGE = 2

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '2' },
    seed: { type: 'string', default: '1' },
    brokers: { type: 'string', default: '3' },
    workers: { type: 'string', default: '3' },
    runs: { type: 'string', default: '0' },
    results: { type: 'string', default: `${ROOT}.healstream/nemesis.jsonl` },
    output: { type: 'string', default: 'text' },
    only: { type: 'string' },
    table: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
})

function git(...args: readonly string[]): { readonly ok: boolean; readonly text: string } {
  const { status, stdout } = spawnSync('git', args, { cwd: ROOT, encoding: 'utf8' })
  return { ok: status === 0, text: stdout.trim() }
}

const isStale = (commit: string): boolean =>
  !git('diff', '--quiet', commit, 'HEAD', '--', ...JUDGED).ok

function number(name: 'minutes' | 'seed' | 'workers' | 'runs', least: number): number {
  const value = Number(values[name])
  if (Number.isFinite(value) && value >= least) return value
  console.error(`--${name} takes a number from ${least}; found ${values[name]}`)
  process.exit(USAGE)
}

/** Of `--only KIND,KIND`. */
function kinds(): readonly FaultKind[] | null {
  const { only } = values
  if (only === undefined) return null
  const found = FAULT_KINDS.filter((kind) => only.split(',').includes(kind))
  if (found.length === only.split(',').length) return found
  console.error(`--only takes some of ${FAULT_KINDS.join(', ')}; found ${only}`)
  process.exit(USAGE)
}

function report(result: Result): void {
  if (values.output === 'json') {
    process.stdout.write(`${JSON.stringify(result)}\n`)
    return
  }
  for (const { kind, count, p50Ms, p99Ms } of result.gaps)
    console.log(`gap after ${kind}: p50 ${p50Ms} ms, p99 ${p99Ms} ms of ${count}`)
  for (const note of result.notes) console.log(note)
  for (const reason of result.reasons) console.log(`${result.outcome}: ${reason}`)
  console.log(resultTable([result], () => false).join('\n'))
}

async function main(): Promise<number> {
  if (values.table) {
    console.log(resultTable(readResults(values.results), isStale).join('\n'))
    return CLEAN
  }
  if (values.brokers !== '3') {
    console.error(`--brokers takes 3, fewer can lose nothing; found ${values.brokers}`)
    return USAGE
  }
  const [minutes, first] = [number('minutes', 0.5), number('seed', 0)]
  const [workers, runs] = [number('workers', 2), number('runs', 0)]
  const commit = git('rev-parse', 'HEAD').text
  const dirty = git('status', '--porcelain', '--', 'src', 'schemas').text !== ''
  const say = (line: string): void => console.error(`nemesis · ${line}`)
  const { keep } = values
  const options = { minutes, workers, source: { commit, dirty }, say, keep, only: kinds() }
  if (runs === 0) {
    const result = await runOnce({ ...options, seed: first })
    appendResult(values.results, result)
    report(result)
    return result.outcome === 'clean' ? CLEAN : FOUND
  }
  for (let seed = first; ; seed++) {
    const known = readResults(values.results).filter(
      (one) => one.minutes === minutes && !one.dirty && !isStale(one.commit),
    )
    if (known.filter(({ outcome }) => outcome === 'clean').length >= runs) break
    if (known.some((one) => one.seed === seed)) continue
    const result = await runOnce({ ...options, seed })
    appendResult(values.results, result)
    report(result)
    if (result.outcome === 'failed') return FOUND
  }
  console.log(resultTable(readResults(values.results), isStale).join('\n'))
  return CLEAN
}

process.on('exit', killChildren)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(FOUND))
process.exit(await main())
