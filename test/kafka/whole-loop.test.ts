// The whole loop through real brokers: a process that crashes and one that hangs are each healed by
// exactly one command, also when the worker that decides is killed in the middle and another takes
// over; and whoever replays the journal comes to the same state.
import assert from 'node:assert/strict'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { partitionFor } from '../../src/contracts/partitioner.ts'
import type { AgentHandle } from '../../src/roles/agent/agent.ts'
import type { AgentInstance } from '../../src/roles/agent/options.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { freePort, stockInstance } from '../roles/agent/rig.ts'
import { startKafka, type TestKafka } from '../support/kafka/cluster.ts'
import { delta } from '../support/records.ts'
import { type ChildWorker, KafkaLoop, SESSION_MS } from './kafka-loop.ts'
import { until } from './worker-rig.ts'

const PARTITIONS = 2
const HEAL_MS = 30_000
const HOME = partitionFor('stock', PARTITIONS)

let kafka: TestKafka
beforeAll(async () => {
  kafka = await startKafka({ nodes: 1 })
})
afterAll(() => kafka.stop())

let loop: KafkaLoop
let agent: AgentHandle
let specs: readonly AgentInstance[]
beforeEach(async () => {
  loop = await KafkaLoop.begin(kafka.brokers, PARTITIONS)
  const ports = [await freePort(), await freePort(), await freePort()]
  specs = ports.map((port, i) => stockInstance(`stock-${i + 1}`, port))
})
afterEach(() => loop.end())

async function warm(): Promise<void> {
  agent = await loop.agent(specs)
  expect(agent.started.every(({ answered }) => answered)).toBe(true)
  loop.traffic(specs.map(({ port }) => port))
  // Long enough for health to be settled, and for a few requests in the window.
  await systemClock.sleep(1_500)
}

function strike(instance: string, signal: 'SIGKILL' | 'SIGSTOP'): number {
  const pid = agent.pids().get(instance) ?? null
  assert.ok(pid !== null)
  process.kill(pid, signal)
  return pid
}

async function healed(instance: string, oldPid: number): Promise<void> {
  const isOver = (): boolean => loop.told(instance).ends.includes('recovered')
  await until(`${instance} is healed`, isOver, HEAL_MS)
  expect(loop.told(instance)).toEqual({
    commands: 1,
    results: ['succeeded'],
    ends: ['recovered'],
  })
  expect(agent.pids().get(instance)).not.toBe(oldPid)
  expect(agent.pids().get(instance)).not.toBeNull()
}

const commands = (): number => loop.story.filter(({ kind }) => kind === 'command').length

test('a crash and a hang are healed by one command each, and everybody sees it', async () => {
  const projector = loop.projector()
  await loop.worker()
  await warm()
  await healed('stock-1', strike('stock-1', 'SIGKILL'))
  await healed('stock-2', strike('stock-2', 'SIGSTOP'))
  expect(commands()).toBe(2)
  await until('the projector has read it all', () => projector.notReady().length === 0)
  const seen = (): readonly string[] =>
    projector.model.incidents().map(({ instance, state }) => `${instance} ${state}`)
  await until('the projector shows both', () => seen().length === 2 && commands() === 2)
  expect(seen().toSorted()).toEqual(['stock-1 recovered', 'stock-2 recovered'])
})

/** Deltas of a service that nobody looks after: work for the worker, as much as it takes. */
function load(): () => Promise<number> {
  const { rig } = loop
  const producer = rig.log.producer()
  const over = new AbortController()
  let sent = 0
  const run = async (): Promise<void> => {
    for (let seq = 1; !over.signal.aborted; seq += 50) {
      const values = Array.from({ length: 50 }, (_, i) => {
        const words = { service: 'bulk', instance: `bulk-${i % 5}`, agent: 'bulk-agent' }
        return rig.serde.encode(
          'telemetry',
          delta({ ...words, seq: seq + i, atMs: Date.now(), ok: 3 }),
        )
      })
      const at = { topic: rig.topic('telemetry'), partition: partitionFor('bulk', PARTITIONS) }
      const key = Buffer.from('bulk')
      await producer.send(values.map((value) => ({ ...at, key, value, timestampMs: Date.now() })))
      sent += values.length
      await systemClock.sleep(5)
    }
  }
  const running = run()
  return async () => {
    over.abort()
    await running
    return sent
  }
}

test('the worker is killed in the middle, twice: no command is lost or doubled', async () => {
  const workers: ChildWorker[] = [await loop.worker(), await loop.worker()]
  await warm()
  const finish = load()
  const owner = async (): Promise<ChildWorker> => {
    const find = (): ChildWorker | undefined =>
      workers.find((worker) => worker.running().includes(HOME))
    await until('somebody owns it', () => find() !== undefined, 20_000)
    const found = find()
    assert.ok(found)
    return found
  }
  const replace = async (worker: ChildWorker): Promise<void> => {
    await worker.kill9()
    workers.splice(workers.indexOf(worker), 1)
    workers.push(await loop.worker())
  }
  // As soon as there is a command; together with the fault.
  const moments = [
    () => until('a command', () => loop.told('stock-1').commands === 1),
    () => Promise.resolve(),
  ]
  for (const [i, moment] of moments.entries()) {
    const instance = `stock-${i + 1}`
    const old = await owner()
    const oldPid = strike(instance, 'SIGKILL')
    await moment()
    await Promise.all([replace(old), healed(instance, oldPid)])
  }
  expect(commands()).toBe(2)
  expect(await finish()).toBeGreaterThan(500)
  for (const worker of workers) await worker.kill9()
  await systemClock.sleep(SESSION_MS)
  await loop.rig.replays(await loop.rig.worker())
  const fences = (await loop.rig.journal(HOME)).flatMap(({ entry }) =>
    entry.kind === 'fence' ? [entry.gen] : [],
  )
  expect(fences.length).toBeGreaterThanOrEqual(4)
  expect(fences).toEqual(fences.map((_, i) => i + 1))
})
