// F52 and F53: far more telemetry than usual, nearly all of one service; and batches that come
// twice, out of order, or an hour late.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual, promisify } from 'node:util'
import type { TelemetryDelta } from '../../src/contracts/records.ts'
import { Lcg } from '../support/lcg.ts'
import { delta } from '../support/records.ts'
import { tsArgv } from '../support/ts.ts'
import type { FloodOptions } from './flood.ts'
import type { Scene } from './scene.ts'
import { Stranger } from './stranger.ts'

const run = promisify(execFile)

/** Nothing that was said of these services asks for anything to be done. */
async function nobodyActsOn(stranger: Stranger, services: readonly string[]): Promise<void> {
  const commands = await stranger.readAll('commands')
  const found = commands.filter(({ target }) => services.includes(target.service))
  assert.deepEqual(found, [])
}

/** Of the agents of a scene, about so many; a hundred times that is a round. */
const PER_SECOND = 300
const TIMES = 100
const ROUNDS = 10
const RSS_MAX_MB = 300
/** Nine of ten records are of the one service here. */
const HOT = 1
const LIFE = 2_000

/** Resident at most since it was started, MB. */
function peakMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) / 1_024
}

async function flood(scene: Scene, stranger: Stranger): Promise<number> {
  const { partitions, kafka, prefix } = scene.stage
  const total = PER_SECOND * TIMES
  const services = Array.from({ length: partitions }, (_, partition) => {
    const perRound = partition === HOT ? 0.9 * total : (0.1 * total) / (partitions - 1)
    return { service: stranger.service(partition, 'flood'), partition, perRound }
  })
  const { folder } = scene
  const { brokers } = kafka
  const options: FloodOptions = { brokers, prefix, folder, life: LIFE, rounds: ROUNDS, services }
  const [command = '', ...args] = tsArgv('test/faults/flood.ts', JSON.stringify(options))
  const { stdout } = await run(command, args)
  assert.equal(Number(stdout), total * ROUNDS)
  return Number(stdout)
}

export async function burst(scene: Scene): Promise<void> {
  const { workers, partitions } = await scene.open()
  const stranger = await Stranger.meet(scene)
  await sleep(2_000)
  const sent = await flood(scene, stranger)
  // Whoever lags for a moment catches up, and heartbeats were neither late nor taken for silence.
  await scene.moves(20_000)
  for (const { child } of workers) {
    const mb = peakMb(child.pid)
    assert.ok(mb < RSS_MAX_MB, `${child.name} took ${mb.toFixed(0)} MB`)
  }
  const services = Array.from({ length: partitions }, (_, p) => stranger.service(p, 'flood'))
  const counted = async (): Promise<boolean> => {
    const rows = await stranger.read('health', HOT)
    const own = rows.filter(({ service }) => service === services[HOT])
    return own.some(({ windows }) => windows.some(({ n }) => n > 0))
  }
  await scene.until('the service is judged', counted, 20_000)
  await nobodyActsOn(stranger, services)
  assert.deepEqual(scene.said('task_stopped'), [])
  const { counts } = await scene.judge()
  assert.ok(counts.inputs >= sent)
}

const DELTAS = 60
const LATE_MS = 3_600_000
const PER_BATCH = 7
const COPIES = 3

/** The same numbers of the same agent three times, in any order. */
function disordered(random: Lcg, all: readonly TelemetryDelta[]): readonly TelemetryDelta[] {
  // Not the same bytes: the checker knows records by theirs.
  const copies = Array.from({ length: COPIES }, (_, i) =>
    all.map((body) => ({ ...body, tick_ms: body.tick_ms + i })),
  ).flat()
  for (let i = copies.length - 1; i > 0; i--) {
    const j = random.below(i + 1)
    const [a, b] = [copies[i], copies[j]]
    if (a !== undefined && b !== undefined) [copies[i], copies[j]] = [b, a]
  }
  return copies
}

const sumOf = (all: readonly TelemetryDelta[], of: (body: TelemetryDelta) => number): number =>
  all.reduce((sum, body) => sum + of(body), 0)

export async function disorder(scene: Scene): Promise<void> {
  const { partitions } = await scene.open()
  const stranger = await Stranger.meet(scene)
  const random = new Lcg(53)
  const living = Array.from({ length: partitions }, (_, partition) => {
    const service = stranger.service(partition, 'mixed')
    return { partition, service, instance: `${service}-1` }
  })
  const stop = stranger.keepAlive(living)
  for (const { partition, ...who } of living) {
    const nowMs = Date.now()
    const deltas = Array.from({ length: DELTAS }, (_, i) => {
      const atMs = nowMs - (i % 20) * 1_000
      return delta({ ...who, seq: i + 1, atMs, ok: 10 + (i % 7), failed: i % 20 === 0 ? 1 : 0 })
    })
    // Out of a spool: all of it failed, an hour ago.
    const late = Array.from({ length: DELTAS }, (_, i) => {
      const atMs = nowMs - LATE_MS + i * 1_000
      return delta({ ...who, seq: i + 1, atMs, lane: 'backlog', failed: 50 })
    })
    const all = disordered(random, [...deltas, ...late])
    for (let i = 0; i < all.length; i += PER_BATCH) {
      const batch = all.slice(i, i + PER_BATCH)
      await stranger.send(
        'telemetry',
        partition,
        batch.map((body) => [who.service, body] as const),
      )
    }
    const wanted = [sumOf(deltas, ({ n }) => n), sumOf(deltas, ({ errors }) => errors), false]
    const figures = async (): Promise<readonly unknown[]> => {
      const rows = await stranger.read('health', partition)
      const own = rows.filter(({ instance }) => instance === who.instance)
      const window = own.at(-1)?.windows.find(({ span_ms }) => span_ms === 300_000)
      return [window?.n, window?.errors, own.some(({ health }) => health === 'unhealthy')]
    }
    const isExact = async (): Promise<boolean> => isDeepStrictEqual(await figures(), wanted)
    await scene
      .until(`figures of ${who.service}`, isExact, 20_000)
      .catch(async () => assert.deepEqual(await figures(), wanted))
  }
  await nobodyActsOn(
    stranger,
    living.map(({ service }) => service),
  )
  await stop()
  await scene.judge()
}
