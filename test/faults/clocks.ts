// F44: agents whose clocks are off by an hour, by years, or count in other units, beside one whose
// clock is right. What they count is counted when the log took it; nobody is acted on.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { delta } from '../support/records.ts'
import type { Scene } from './scene.ts'
import { Stranger } from './stranger.ts'

const HOUR_MS = 3_600_000
const YEAR_MS = 31_557_600_000
/** By name of the instance: what its clock says, given the right time. */
const CLOCKS: Readonly<Record<string, (nowMs: number) => number>> = {
  right: (nowMs) => nowMs,
  'hour-ahead': (nowMs) => nowMs + HOUR_MS,
  'hour-behind': (nowMs) => nowMs - HOUR_MS,
  'years-ahead': (nowMs) => nowMs + 10 * YEAR_MS,
  'years-behind': (nowMs) => nowMs - 10 * YEAR_MS,
  'of-1970': () => 0,
  'in-seconds': (nowMs) => Math.floor(nowMs / 1_000),
  'in-microseconds': (nowMs) => nowMs * 1_000,
}
const ROUNDS = 8
const OK = 5

async function speak(stranger: Stranger, partition: number, round: number): Promise<void> {
  const service = stranger.service(partition, 'clock')
  const nowMs = Date.now()
  const words = Object.entries(CLOCKS).map(([instance, clock]) => {
    return { service, instance: `${service}-${instance}`, seq: round, atMs: clock(nowMs) }
  })
  const counts = words.map((w) => [service, delta({ ...w, ok: OK })] as const)
  await stranger.send('telemetry', partition, counts)
}

export async function wrongClocks(scene: Scene): Promise<void> {
  const { partitions } = await scene.open()
  const stranger = await Stranger.meet(scene)
  const living = Array.from({ length: partitions }, (_, partition) => {
    const service = stranger.service(partition, 'clock')
    return Object.entries(CLOCKS).map(([instance, clock]) => {
      return { partition, service, instance: `${service}-${instance}`, clock }
    })
  })
  const stop = stranger.keepAlive(living.flat())
  for (let round = 1; round <= ROUNDS; round++) {
    for (let p = 0; p < partitions; p++) await speak(stranger, p, round)
    await sleep(900)
  }
  for (let p = 0; p < partitions; p++)
    for (const instance of Object.keys(CLOCKS))
      await checkInstance(scene, stranger, { partition: p, instance })
  const about = (await stranger.readAll('commands')).filter(({ target }) =>
    target.service.startsWith('clock-'),
  )
  assert.deepEqual(about, [])
  await stop()
  await scene.judge()
}

/** All it counted is in the window, it was healthy all the time, and a wrong clock is named. */
async function checkInstance(
  scene: Scene,
  stranger: Stranger,
  { partition, instance }: { readonly partition: number; readonly instance: string },
): Promise<void> {
  const name = `${stranger.service(partition, 'clock')}-${instance}`
  const rows = async () =>
    (await stranger.read('health', partition)).filter((row) => row.instance === name)
  const counted = async (): Promise<boolean> => {
    const windows = (await rows()).at(-1)?.windows ?? []
    return windows.some(({ span_ms, n }) => span_ms === 300_000 && n === ROUNDS * OK)
  }
  await scene.until(`${name} has counted ${ROUNDS * OK}`, counted, 20_000)
  const all = await rows()
  assert.ok(all.every(({ health }) => health === 'healthy' || health === 'unknown'))
  const isNamed = all.some(({ signals }) => signals.includes('clock_skew'))
  assert.equal(isNamed, instance !== 'right', `clock_skew of ${name}`)
}
