// One run: brokers, workers and agents up, the planned faults, everything healed and drained, the
// checker over what is left, and a result. The folder keeps plan, logs, histories and what was
// collected; a clean run's is removed.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { tsArgv } from '../support/ts.ts'
import type { Verdict } from './checker/check.ts'
import { collect } from './checker/collect.ts'
import { drained } from './checker/drain.ts'
import { type Happened, Nemesis } from './faults.ts'
import { gapsOf } from './gaps.ts'
import { type FaultKind, type PlannedFault, planFaults } from './plan.ts'
import { type Result, resultOf } from './result.ts'
import { Stage } from './stage.ts'

export interface RunOptions {
  readonly seed: number
  readonly minutes: number
  readonly workers: number
  readonly source: { readonly commit: string; readonly dirty: boolean }
  readonly say: (line: string) => void
  /** Only these kinds, each by itself; null: all, as they come. */
  readonly only: readonly FaultKind[] | null
  /** Keeps the folder of a clean run too. */
  readonly keep: boolean
}

/** Before the first fault, and after the last one. */
const CALM_MS = 6_000
const RUNNING_MS = 40_000
const DRAIN_MS = 90_000
const STOP_MS = 12_000

export async function runOnce(options: RunOptions): Promise<Result> {
  const { seed, minutes, workers, say } = options
  const folder = mkdtempSync(join(tmpdir(), 'healstream-nemesis-'))
  const startedAt = new Date().toISOString()
  const spanMs = minutes * 60_000 - 2 * CALM_MS
  const plan = planFaults(seed, spanMs, options.only)
  writeFileSync(join(folder, 'plan.json'), `${JSON.stringify({ seed, minutes, plan }, null, 2)}\n`)
  say(`seed ${seed}: ${plan.length} faults in ${minutes} min; evidence in ${folder}`)
  const stage = await Stage.open({ folder, seed, workers })
  let result: Result
  try {
    say(`brokers ${stage.kafka.brokers.join(' ')}; all tasks run`)
    await sleep(CALM_MS)
    const happened = await disturb(stage, plan, { spanMs, say })
    await sleep(CALM_MS)
    const quietFromMs = Date.now()
    const problems = [...(await settle(stage)), ...unwanted(stage)]
    say('drained; collecting')
    await collect(stage.kafka.brokers, stage.prefix, join(folder, 'collected'))
    writeFileSync(join(folder, 'faults.json'), `${JSON.stringify(happened, null, 2)}\n`)
    const verdict = await checked(folder, stage.partitions)
    const { version: kafka } = stage.kafka
    const gaps = gapsOf(happened, verdict.commitTimes, quietFromMs)
    const { inDoubt } = stage
    const facts = { seed, minutes, workers, kafka, startedAt, happened, gaps, inDoubt, verdict }
    const notes = notesOf(stage)
    result = resultOf({ ...facts, problems, notes, source: options.source })
    writeFileSync(join(folder, 'result.json'), `${JSON.stringify({ ...result, all: gaps })}\n`)
  } finally {
    await stage.close()
  }
  if (result.outcome === 'clean' && !options.keep) rmSync(folder, { recursive: true, force: true })
  else say(`kept: ${folder}`)
  return result
}

/** Strikes by the plan; returns when the last fault is over. */
async function disturb(
  stage: Stage,
  plan: readonly PlannedFault[],
  { spanMs, say }: { readonly spanMs: number; readonly say: (line: string) => void },
): Promise<readonly Happened[]> {
  const nemesis = new Nemesis(stage)
  const startMs = performance.now()
  const restMs = (atMs: number): number => Math.max(0, startMs + atMs - performance.now())
  const under: Promise<Happened>[] = []
  for (const fault of plan) {
    await sleep(restMs(fault.atMs))
    under.push(
      nemesis.strike(fault).then((happened) => {
        const { id, kind, target, missed } = happened
        const seconds = ((happened.endMs - happened.startMs) / 1_000).toFixed(1)
        say(`${id} ${kind} ${target} ${missed === null ? `${seconds} s` : `missed: ${missed}`}`)
        return happened
      }),
    )
  }
  const happened = await Promise.all(under)
  await sleep(restMs(spanMs))
  return happened
}

/** Everything healed, everybody back, nothing sent any more, all of it stepped; workers stopped. */
export async function settle(stage: Stage): Promise<readonly string[]> {
  const problems: string[] = []
  const attempt = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    try {
      await work()
    } catch (error) {
      problems.push(`${what}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  for (const { link } of [...stage.workers, stage.agents]) {
    link.slow(null)
    link.restore()
  }
  if (!(await stage.untilWhole(RUNNING_MS))) problems.push('replicas are missing at the end')
  await attempt('at the end', () => stage.untilRunning(RUNNING_MS))
  await stage.agents.child.end(STOP_MS)
  const { kafka, prefix, partitions } = stage
  const behind = await drained({ brokers: kafka.brokers, prefix, partitions, limitMs: DRAIN_MS })
  if (behind.length > 0) problems.push(`not drained in ${DRAIN_MS} ms: ${behind.join('; ')}`)
  await Promise.all(
    stage.workers.map(async ({ child }) => {
      if (!(await child.end(STOP_MS))) problems.push(`${child.name} did not stop at the end`)
    }),
  )
  return problems
}

/** Tasks that stopped and processes that ended although nobody asked them to. */
function unwanted(stage: Stage): readonly string[] {
  const problems: string[] = []
  for (const { child, stopped } of stage.workers)
    for (const what of stopped) problems.push(`${child.name} stopped a task: ${what}`)
  // Exit 3: it could not reach the brokers when it started, and its supervisor starts it again.
  for (const { child } of [...stage.workers, stage.agents])
    for (const death of child.deaths)
      if (death !== '3') problems.push(`${child.name} ended by itself with ${death}`)
  return problems
}

/** The verdict over what is collected in the folder, by the checker as a process of its own. */
export async function checked(folder: string, partitions: number): Promise<Verdict> {
  const [command = '', ...args] = tsArgv('test/nemesis/checker/main.ts', folder, String(partitions))
  const child = spawn(command, ['--max-old-space-size=4096', ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`the checker ended with ${code}`)
  return JSON.parse(readFileSync(join(folder, 'verdict.json'), 'utf8'))
}

/** What workers said about their failures, by kind. */
function notesOf(stage: Stage): readonly string[] {
  const all = new Map<string, number>()
  for (const { failures } of stage.workers)
    for (const [what, count] of failures) all.set(what, (all.get(what) ?? 0) + count)
  const said = stage.workers.reduce((sum, { inDoubt }) => sum + inDoubt, 0)
  const again = stage.workers.reduce((sum, { child }) => sum + child.deaths.length, 0)
  const load = loadavg().map((one) => one.toFixed(1))
  const own = [
    `workers said IN_DOUBT ${said} times`,
    `workers ended by themselves and were started again ${again} times`,
    `load of the machine, 1, 5 and 15 minutes: ${load.join(' ')} on ${cpus().length} cores`,
  ]
  return [...own, ...[...all].map(([what, n]) => `${n}× ${what}`)]
}
