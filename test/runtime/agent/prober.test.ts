// The schedule of tries, on virtual time: no overlap, no drift, no verdict about what our own hand
// did.
import { expect, test } from 'vitest'
import type { ProbeReason, ProbeVerdict } from '../../../src/contracts/records.ts'
import { type ProbeProfile, PROFILES, type ProbeTry } from '../../../src/runtime/agent/probe.ts'
import { probeLoop } from '../../../src/runtime/agent/prober.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

const target = { protocol: 'http', host: '127.0.0.1', port: 1, path: '/health' } as const

function run(
  answer: (atMs: number) => { reason: ProbeReason; tookMs: number },
  profile: ProbeProfile = PROFILES.fast,
) {
  const clock = new VirtualClock()
  const verdicts: { at: number; verdict: ProbeVerdict }[] = []
  const tries: number[] = []
  let [open, mostOpen] = [0, 0]
  let life: number | null = 1
  const probe: ProbeTry = async (_, timeoutMs) => {
    tries.push(clock.monotonicMs())
    mostOpen = Math.max(mostOpen, ++open)
    const { reason, tookMs } = answer(clock.monotonicMs())
    await clock.sleep(Math.min(tookMs, timeoutMs))
    open--
    return {
      reason: tookMs >= timeoutMs ? 'timeout' : reason,
      latencyUs: tookMs * 1000,
      status: null,
    }
  }
  const stop = new AbortController()
  const done = probeLoop(
    {
      target,
      profile,
      probe,
      clock,
      life: () => life,
      onTry: () => undefined,
      onVerdict: (verdict) => verdicts.push({ at: clock.monotonicMs(), verdict }),
    },
    stop.signal,
  )
  const end = async (): Promise<void> => {
    stop.abort()
    await clock.advance(1_000)
    await done
  }
  const live = (now: number | null): void => {
    life = now
  }
  return { clock, tries, verdicts, most: () => mostOpen, end, live }
}

test('ten minutes of tries keep their period', async () => {
  const rig = run(() => ({ reason: 'ok', tookMs: 7 }))
  await rig.clock.advance(600_000)
  await rig.end()
  expect(rig.tries.slice(0, 3)).toEqual([0, 100, 200])
  expect(rig.tries.length).toBeGreaterThanOrEqual(6_000)
  expect(rig.tries.length).toBeLessThanOrEqual(6_001)
  expect(rig.verdicts).toEqual([{ at: 7, verdict: 'up' }])
})

test('a hanging instance: tries do not overlap, down after three time-outs', async () => {
  const rig = run((at) => ({ reason: 'ok', tookMs: at < 1_000 ? 1 : 10_000 }))
  await rig.clock.advance(3_000)
  await rig.end()
  expect(rig.most()).toBe(1)
  expect(rig.verdicts).toEqual([
    { at: 1, verdict: 'up' },
    { at: 1_600, verdict: 'down' },
  ])
})

test('a refusing instance is down within three periods, and up at its first answer', async () => {
  const rig = run((at) => ({ reason: at >= 500 && at < 2_000 ? 'refused' : 'ok', tookMs: 1 }))
  await rig.clock.advance(3_000)
  await rig.end()
  expect(rig.verdicts).toEqual([
    { at: 1, verdict: 'up' },
    { at: 701, verdict: 'down' },
    { at: 2_001, verdict: 'up' },
  ])
})

test('while held nothing is tried; afterwards the first success is an up again', async () => {
  // A restart by our own hand must not look like a fault, and the new process must be announced.
  const rig = run(() => ({ reason: 'ok', tookMs: 1 }))
  await rig.clock.advance(250)
  rig.live(null)
  await rig.clock.advance(1_000)
  const during = rig.tries.length
  rig.live(2)
  await rig.clock.advance(200)
  await rig.end()
  expect(during).toBe(3)
  expect(rig.verdicts.map(({ verdict }) => verdict)).toEqual(['up', 'up'])
})

test('a restart between two tries: the new process gets a verdict of its own', async () => {
  // A restart took 55 ms and fell between two tries. The verdict of the old process stood, nothing
  // was told of the new one, and its incident stayed open until enough requests spoke for it.
  const rig = run(() => ({ reason: 'ok', tookMs: 1 }))
  await rig.clock.advance(210)
  rig.live(null)
  await rig.clock.advance(55)
  rig.live(2)
  await rig.clock.advance(200)
  await rig.end()
  expect(rig.tries.slice(0, 5)).toEqual([0, 100, 200, 300, 400])
  expect(rig.verdicts).toEqual([
    { at: 1, verdict: 'up' },
    { at: 301, verdict: 'up' },
  ])
})

test('a try that outlasts a restart says nothing about the new process', async () => {
  const rig = run((at) => ({ reason: 'ok', tookMs: at === 200 ? 90 : 1 }))
  await rig.clock.advance(210)
  rig.live(null)
  await rig.clock.advance(55)
  rig.live(2)
  await rig.clock.advance(30)
  expect(rig.verdicts).toHaveLength(1)
  await rig.clock.advance(200)
  await rig.end()
  expect(rig.verdicts.at(-1)).toEqual({ at: 301, verdict: 'up' })
})

test('a defect of a listener ends the loop with its error', async () => {
  const clock = new VirtualClock()
  const loop = probeLoop(
    {
      target,
      profile: PROFILES.fast,
      probe: async () => ({ reason: 'ok', latencyUs: 1, status: 200 }),
      clock,
      life: () => 1,
      onTry: () => {
        throw new Error('a defect')
      },
      onVerdict: () => undefined,
    },
    new AbortController().signal,
  )
  const outcome = loop.catch((error: unknown) => String(error))
  await clock.advance(10)
  expect(await outcome).toBe('Error: a defect')
})

test('S3-37: every process has the initial delay, and a verdict of its own', async () => {
  const rig = run((at) => ({ reason: at < 40_000 ? 'ok' : 'refused', tookMs: 1 }), PROFILES.isolate)
  await rig.clock.advance(11_500)
  expect(rig.tries).toEqual([5_000, 8_000, 11_000])
  rig.live(null)
  await rig.clock.advance(5_000)
  expect(rig.tries).toHaveLength(3)
  rig.live(2)
  await rig.clock.advance(9_000)
  // Seen within 100 ms of its beginning, tried 5 s later.
  const [first = 0, second = 0] = rig.tries.slice(3)
  expect(first - 16_500).toBeGreaterThanOrEqual(5_000)
  expect(first - 16_500).toBeLessThanOrEqual(5_100)
  expect(second - first).toBe(3_000)
  await rig.end()
  expect(rig.verdicts.map(({ verdict }) => verdict)).toEqual(['up', 'up'])
})
