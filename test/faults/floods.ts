// F52 and F53: far more telemetry than usual, nearly all of one service; and batches that come twice,
// out of order, or an hour late.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { TelemetryDelta } from '../../src/contracts/records.ts'
import { Lcg } from '../support/lcg.ts'
import { delta } from '../support/records.ts'
import type { Scene } from './scene.ts'
import { Stranger } from './stranger.ts'

type Said = readonly (readonly [key: string, value: Uint8Array])[]

/** Nothing that was said of these services asks for anything to be done. */
async function nobodyActsOn(stranger: Stranger, services: readonly string[]): Promise<void> {
  const commands = await stranger.readAll('commands')
  const found = commands.filter(({ target }) => services.includes(target.service))
  assert.deepEqual(found, [])
}

const AGENTS_PER_SECOND = 300
const TIMES = 100
const BURST_S = 10
const INSTANCES = 50
/** Of ten records: of the one service; the rest is of one on every partition. */
const OF_TEN = 9
const PER_REQUEST = 250
const RSS_MAX_MB = 450
const HOT = 1

/** Resident at most since it was started, MB. */
function peakMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) / 1_024
}

/** A second of it: requests of each partition. */
function second(
  stranger: Stranger,
  partitions: number,
  round: number,
): ReadonlyMap<number, Said[]> {
  const total = AGENTS_PER_SECOND * TIMES
  const perInstance = (partition: number): number => {
    const share = partition === HOT ? (total * OF_TEN) / 10 : total / 10 / (partitions - 1)
    return Math.round(share / INSTANCES)
  }
  const atMs = Date.now()
  const all = new Map<number, Said[]>()
  for (let partition = 0; partition < partitions; partition++) {
    const service = stranger.service(partition, 'flood')
    const count = perInstance(partition)
    const records = Array.from({ length: INSTANCES * count }, (_, i) => {
      const instance = `${service}-${i % INSTANCES}`
      const seq = round * count + Math.floor(i / INSTANCES) + 1
      const body = delta({ service, instance, seq, atMs, ok: 3, latencyUs: 9_000 })
      return [service, stranger.serde.encode('telemetry', body)] as const
    })
    const requests: Said[] = []
    for (let i = 0; i < records.length; i += PER_REQUEST)
      requests.push(records.slice(i, i + PER_REQUEST))
    all.set(partition, requests)
  }
  return all
}

export async function burst(scene: Scene): Promise<void> {
  const { workers, partitions } = await scene.open()
  const stranger = await Stranger.meet(scene)
  const services = Array.from({ length: partitions }, (_, p) => stranger.service(p, 'flood'))
  await sleep(2_000)
  let sent = 0
  for (let round = 0; round < BURST_S; round++)
    await Promise.all(
      [...second(stranger, partitions, round)].map(async ([partition, requests]) => {
        for (const said of requests) {
          await stranger.sendBytes('telemetry', partition, said)
          sent += said.length
        }
      }),
    )
  assert.ok(sent >= 0.95 * AGENTS_PER_SECOND * TIMES * BURST_S, `${sent} records were sent`)
  // Whoever lags for a moment catches up, and heartbeats were neither late nor taken for silence.
  await scene.moves(20_000)
  for (const { child } of workers) {
    const mb = peakMb(child.pid)
    assert.ok(mb < RSS_MAX_MB, `${child.name} took ${mb.toFixed(0)} MB`)
  }
  const counted = async (): Promise<boolean> => {
    const rows = (await stranger.read('health', HOT)).filter(
      ({ service }) => service === services[HOT],
    )
    return rows.some(({ windows }) => windows.some(({ n }) => n > 0))
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
