// S2-46: the worker that decides is killed with `kill -9` in each state of one incident, and the
// next one goes on where it was: every transition as listed, one drain, one command, recovered.
// S0-42: killed once more in mid-cool-down, the next one orders nothing before it is over.
// Only with HEALSTREAM_TEST_FULL=true: with its brokers it takes most of a minute.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Command, IncidentEvent } from '../../src/contracts/records.ts'
import { brokenLinks } from '../../src/core/incident/audit.ts'
import { INCIDENT_TABLE } from '../../src/core/incident/machine.ts'
import { startKafka, type TestKafka } from '../support/kafka/cluster.ts'
import { type ChildWorker, KafkaLoop } from './kafka-loop.ts'
import { SimulatedAgents } from './simulated-agents.ts'
import { until } from './worker-rig.ts'

const PARTITIONS = 2
const COOLDOWN_MS = 30_000
const PATIENCE_MS = 30_000

let kafka: TestKafka
let loop: KafkaLoop
let agents: SimulatedAgents
const workers: ChildWorker[] = []

const events = (): readonly IncidentEvent[] =>
  loop.story.flatMap((record) => {
    return record.kind === 'incident' && record.event.instance === 'shop-1' ? [record.event] : []
  })
const commands = (): readonly Command[] =>
  loop.story.flatMap((record) => (record.kind === 'command' ? [record.command] : []))
const state = (): string => events().at(-1)?.state ?? 'none'
const isIn = (wanted: IncidentEvent['state']): Promise<void> =>
  until(
    () => `it is ${wanted}, not ${state()}`,
    () => state() === wanted,
    PATIENCE_MS,
  )

/** Kills the owner of the service; returns when another runs its task, and a third is there. */
async function killOwner(): Promise<void> {
  const home = loop.rig.partitionOf('shop')
  const find = (): ChildWorker | undefined =>
    workers.find((worker) => worker.running().includes(home))
  await until('somebody owns it', () => find() !== undefined, PATIENCE_MS)
  const old = find()
  assert.ok(old)
  await old.kill9()
  workers.splice(workers.indexOf(old), 1)
  await until('another goes on', () => find() !== undefined, PATIENCE_MS)
  workers.push(await loop.worker())
}

/** Every transition is one of the table, and every hash that of the event before. */
function checkAudit(all: readonly IncidentEvent[]): void {
  const states = all.map((event) => event.state)
  states.slice(1).forEach((to, i) => {
    const from = states[i] ?? 'unknown'
    assert.ok(from === to || INCIDENT_TABLE[from].includes(to), `${from} → ${to}`)
  })
  expect(all.map(({ seq }) => seq)).toEqual(all.map((_, i) => i + 1))
}

describe('killed in each state', () => {
  beforeAll(async () => {
    kafka = await startKafka({ nodes: 1 })
    loop = await KafkaLoop.begin(kafka.brokers, PARTITIONS)
    agents = new SimulatedAgents(loop.rig)
    await agents.apply('HealPolicy', {
      mode: 'enforce',
      trigger: 'health == "unhealthy"',
      for: '4s',
      verify: '1m',
      ladder: [
        { steps: [{ action: 'drain', args: { timeout: '1m' } }, { action: 'restart_instance' }] },
      ],
    })
    const cooldownMs = `${COOLDOWN_MS / 1_000}s`
    await agents.apply('GuardSet', { cooldownMs, serviceIntervalMs: '1s', warmUpMs: '1s' })
    workers.push(await loop.worker(), await loop.worker())
    await agents.begin()
  })
  afterAll(async () => {
    await agents.end()
    await loop.end()
    await kafka.stop()
  })

  test('S2-46: it goes on and ends as listed, with one drain and one command', async () => {
    agents.inFlight = 3
    await agents.hold('hold')
    const killed: string[] = []
    const kill = async (wanted: IncidentEvent['state']): Promise<void> => {
      await isIn(wanted)
      await killOwner()
      killed.push(wanted)
    }
    await agents.crash('shop-1')
    await kill('detected')
    await kill('matched')
    await agents.hold('release')
    await kill('isolating')
    agents.inFlight = 0
    await kill('repairing')
    expect(commands().length).toBe(1)
    const [command] = commands()
    assert.ok(command)
    await agents.done(command)
    await kill('verifying')
    await agents.answers('shop-1')
    await isIn('recovered')
    expect(killed).toEqual(['detected', 'matched', 'isolating', 'repairing', 'verifying'])
    expect(commands().length).toBe(1)
    const all = events()
    checkAudit(all)
    expect(all.filter(({ summary }) => summary.includes('draining shop/shop-1')).length).toBe(1)
    expect(all.filter(({ event }) => event === 'commanded').length).toBe(1)
    expect(new Set(all.map((event) => event.incident_id)).size).toBe(1)
  })

  test('S0-42: killed in mid-cool-down, nothing is ordered before it is over', async () => {
    const before = events().length
    const [first] = commands()
    assert.ok(first)
    await agents.crash('shop-1')
    const refusals = (): readonly IncidentEvent[] =>
      events()
        .slice(before)
        .filter(({ guards }) => guards.some((one) => one.guard === 'cooldown' && !one.passed))
    await until('it is refused', () => refusals().length > 0, PATIENCE_MS)
    await killOwner()
    await until('it is ordered', () => commands().length === 2, COOLDOWN_MS + PATIENCE_MS)
    const [, second] = commands()
    assert.ok(second)
    expect(second.issued_at_ms - first.issued_at_ms).toBeGreaterThanOrEqual(COOLDOWN_MS)
    // The remaining time is told with the refusal.
    expect(refusals()[0]?.summary).toMatch(/refused by guard cooldown: .*; may pass in /)
    await agents.done(second)
    await agents.answers('shop-1')
    await isIn('recovered')
    expect(commands().length).toBe(2)
    checkAudit(events().slice(before))
  })

  test('the audit is one chain, and the journal replays to the same state', async () => {
    const home = loop.rig.partitionOf('shop')
    const audit = (await loop.rig.records('incidents')).filter(({ task }) => task === `s${home}`)
    expect(audit.length).toBeGreaterThan(10)
    const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest()
    expect(brokenLinks(audit, audit[0]?.prev_hash ?? new Uint8Array(0), sha256)).toEqual([])
    for (const worker of workers.splice(0)) await worker.kill9()
    const fences = (await loop.rig.journal(home)).filter(({ entry }) => entry.kind === 'fence')
    expect(fences.length).toBeGreaterThanOrEqual(7)
    await loop.rig.replays(await loop.rig.worker())
  })
})
