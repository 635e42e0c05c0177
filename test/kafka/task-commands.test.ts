// What an operator does with tasks, on real Kafka with the real command line: who runs what, what
// is in a journal, a word to a task, and a journal that is lost.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createKafkaLog } from '../../src/adapters/kafka/kafka-log.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import type { LogPort } from '../../src/runtime/ports.ts'
import { healstream, MAIN, type Ran } from '../cli/command.ts'
import { startKafka } from '../support/kafka/cluster.ts'

const folder = mkdtempSync(join(tmpdir(), 'healstream-tasks-'))
const PREFIX = 'hs-tasks.'
let env: Readonly<Record<string, string>> = {}
let log: LogPort
const workers = new Set<ChildProcess>()

beforeAll(async () => {
  const kafka = await startKafka({ nodes: 1 })
  env = {
    HOME: folder,
    HEALSTREAM_KAFKA_BROKERS: kafka.brokers.join(','),
    HEALSTREAM_PREFIX: PREFIX,
    HEALSTREAM_OPERATOR: 'ann@ops',
    HEALSTREAM_LOG_LEVEL: 'silent',
  }
  log = createKafkaLog({ brokers: kafka.brokers, clock: systemClock })
  return () => kafka.stop()
})
afterAll(async () => {
  for (const worker of workers) worker.kill('SIGKILL')
  await log.close()
  rmSync(folder, { recursive: true, force: true })
})

const run = (...args: string[]): Promise<Ran> => healstream(args, { env })

function worker(): ChildProcess {
  const started = spawn(process.execPath, [MAIN, 'worker'], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: 'ignore',
  })
  workers.add(started)
  return started
}

async function stop(started: ChildProcess): Promise<void> {
  workers.delete(started)
  const gone = new Promise((resolve) => started.once('exit', resolve))
  started.kill('SIGTERM')
  await gone
}

interface Task {
  readonly task: string
  readonly state: string
  readonly at_worker: string | null
  readonly reason: string | null
  readonly gen: number
  readonly owner: string | null
  readonly standby: readonly string[]
}

async function tasks(): Promise<readonly Task[]> {
  const { stdout } = await run('tasks', '-o', 'json')
  const answer: { readonly tasks: readonly Task[] } = JSON.parse(stdout)
  return answer.tasks
}

async function until(
  what: string,
  holds: (found: readonly Task[]) => boolean,
): Promise<readonly Task[]> {
  for (const endMs = performance.now() + 60_000; ; ) {
    const found = await tasks()
    if (holds(found)) return found
    if (performance.now() > endMs) throw new Error(`never: ${what}: ${JSON.stringify(found)}`)
    await systemClock.sleep(300)
  }
}

const allRun = (found: readonly Task[]): boolean => found.every(({ state }) => state === 'running')

/** Retention was faster than the workers: the task stands until a person accepts the loss. */
async function deletedUnread(partition: number): Promise<ChildProcess> {
  const at = { topic: `${PREFIX}results`, partition }
  const record = { ...at, key: null, value: Buffer.from('never read'), timestampMs: Date.now() }
  const producer = log.producer()
  await producer.send([record, record])
  await producer.close()
  await log.admin().deleteRecords(at, 2)
  const started = worker()
  await until('it stands', (found) => found[partition]?.reason?.includes('POSITION_LOST') === true)
  const how = ['--accept-divergence', '--why', 'retention was short', '--yes', '-o', 'json']
  const resumed: { readonly lost: unknown } = JSON.parse(
    (await run('task', 'resume', `s${partition}`, ...how)).stdout,
  )
  const lost = { kind: 'gap', topic: 'results', partition, from: 0, to: 2, by: 'ann@ops' }
  expect(resumed.lost).toEqual([lost])
  await until('it goes on behind them', allRun)
  return started
}

test('tasks, journal show, resume, and a journal that is lost', async () => {
  expect((await run('init', '--partitions', '2')).code).toBe(0)
  const idle = await run('tasks')
  expect([idle.code, idle.stdout]).toEqual([1, expect.stringMatching(/^TASK +STATE/)])
  expect(idle.stderr).toContain('next: npx healstream worker')

  const first = worker()
  await until('one worker runs all', allRun)
  const second = worker()
  const shared = await until('two share, each follows the other', (found) => {
    const owners = new Set(found.map(({ owner }) => owner))
    return allRun(found) && owners.size === 2 && found.every(({ standby }) => standby.length === 1)
  })
  expect(shared.map(({ task }) => task)).toEqual(['s0', 's1', 'fleet'])
  expect(new Set(shared.map((one) => one.at_worker))).toEqual(new Set(['Running']))
  expect((await run('tasks')).code).toBe(0)

  const verified = await run('journal', 'verify')
  expect(verified.code).toBe(0)
  expect(verified.stdout.match(/chain and order hold/g)).toHaveLength(3)

  const shown = await run('journal', 'show', '--task', 's1')
  expect(shown.code).toBe(0)
  expect(shown.stdout).toMatch(/genesis +cluster .*, 2 partitions/)
  expect(shown.stdout).toMatch(/fence +gen 1 by /)
  const json = await run('journal', 'show', '--from', '0', '--limit', '1', '-o', 'json')
  expect(JSON.parse(json.stdout)).toMatchObject({ task: 's0', entries: [{ kind: 'genesis' }] })
  expect((await run('journal', 'show', '--task', 's7')).stderr).toContain('s0 to s1 and fleet')

  const resume = ['task', 'resume', 's0', '--accept-divergence', '--why', 'looked at it']
  const asked = await run(...resume)
  expect([asked.code, asked.stderr]).toEqual([2, expect.stringContaining('Nothing was done.')])
  expect((await run(...resume, '--yes')).code).toBe(0)
  const word = await run('journal', 'show', '--limit', '100')
  expect(word.stdout).toContain('accepted by ann@ops: looked at it')

  await Promise.all([stop(first), stop(second)])
  const third = await deletedUnread(0)
  await stop(third)
  // What a task that has judged something leaves behind.
  const health = { topic: `${PREFIX}health`, key: Buffer.from('stock'), value: null }
  const producer = log.producer()
  await producer.send(
    [0, 1].map((partition) => ({ ...health, partition, timestampMs: Date.now() })),
  )
  await producer.close()
  await log.admin().deleteTopics([`${PREFIX}journal`])
  const refused = await run('worker')
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('HS_NO_GENESIS')])
  const again = await run('init', '--partitions', '2')
  expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('HS_JOURNAL_LOST')])
  expect((await run('init', '--after-loss')).code).toBe(2)
  const renewed = await run('init', '--after-loss', '--yes', '-o', 'json')
  expect(renewed.code).toBe(0)
  const { tasks: names, holds }: { tasks: string[]; holds: string[] } = JSON.parse(renewed.stdout)
  expect(names).toEqual(['s0', 's1'])
  expect(holds).toHaveLength(1)
  worker()
  const anew = await until('all run again', allRun)
  // Above all gens that agents may have seen.
  expect(anew[0]?.gen).toBeGreaterThan(1_000_000_000)
  expect((await run('release', holds[0] ?? '', '--why', 'all is well')).code).toBe(0)
}, 240_000)
