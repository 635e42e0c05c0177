// A real Alertmanager is told what fires, what is over, and again what still fires; and what the
// body of such a post looks like (S0-52).
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  alertmanager,
  ensureAlertmanager,
  hasAlertmanager,
} from '../../../scripts/lib/servers/alertmanager.mjs'
import { startEphemeralService } from '../../../scripts/lib/servers/ephemeral.mjs'
import { createAlertmanager, posted } from '../../../src/adapters/notify/alertmanager.ts'
import type { Alert } from '../../../src/contracts/records.ts'
import { systemClock } from '../../../src/runtime/clock.ts'
import { Receiver } from '../../roles/notifier/receiver.ts'
import { anAlert, anEnd } from '../../roles/notifier/records.ts'

const mustRun = hasAlertmanager() || process.env['CI'] !== undefined
const noSignal = new AbortController().signal

describe.skipIf(!mustRun)('a real one', () => {
  const receiver = new Receiver()
  let server: Awaited<ReturnType<typeof startEphemeralService>>
  beforeAll(async () => {
    await ensureAlertmanager(() => undefined)
    server = await startEphemeralService(alertmanager(await receiver.start()), () => undefined)
  }, 300_000)
  afterAll(async () => {
    await server?.stop()
    await receiver.stop()
  })

  const url = (): string => `http://127.0.0.1:${server.port}`
  const tell = (alerts: readonly Alert[]): Promise<void> => {
    const target = { name: 'am', url: url(), timeoutMs: 5_000, tokenFile: null }
    const sink = createAlertmanager({ ...target, clock: systemClock })
    const notice = { kind: 'alerts' as const, key: 'k', group: 'shop', alerts }
    return sink.deliver(notice, noSignal)
  }
  interface Shown {
    readonly labels: Readonly<Record<string, string>>
    readonly annotations: Readonly<Record<string, string>>
    readonly status: { readonly state: string }
  }
  const shown = async (): Promise<readonly Shown[]> =>
    (await (await fetch(`${url()}/api/v2/alerts`)).json()) as readonly Shown[]

  test('shows what fires, tells its own receivers, and takes the end for the end', async () => {
    const nowMs = Date.now()
    const labels = { alertname: 'PoolExhausted', severity: 'critical', '1 odd.name': 'x', no: '' }
    const firing = anAlert('a1', { labels, since_ms: nowMs - 60_000, at_ms: nowMs, count: 1_000 })
    await tell([firing, anAlert('a2', { rule: 'Other', since_ms: nowMs, at_ms: nowMs })])
    await expect.poll(async () => (await shown()).length, { timeout: 10_000 }).toBe(2)
    const first = (await shown()).find((one) => one.labels['alertname'] !== 'Other')
    expect(first?.labels).toEqual({
      alertname: 'DatabasePoolExhausted',
      severity: 'critical',
      service: 'shop',
      instance: 'shop-1',
      tier: 'high',
      _1_odd_name: 'x',
    })
    expect(first?.annotations).toMatchObject({ count: '1000', summary: 'DatabasePoolExhausted' })
    expect(first?.status.state).toBe('active')
    await expect
      .poll(() => receiver.taken.map(({ body }) => body['status']), { timeout: 15_000 })
      .toContain('firing')
    const over = { state: 'resolved' as const, at_ms: Date.now() }
    await tell([{ ...firing, ...over }, anAlert('a2', { rule: 'Other', since_ms: nowMs, ...over })])
    await expect
      .poll(async () => (await shown()).length, { timeout: 15_000, interval: 100 })
      .toBe(0)
    await expect
      .poll(() => receiver.taken.map(({ body }) => body['status']), { timeout: 15_000 })
      .toContain('resolved')
  }, 60_000)
})

describe('a post', () => {
  const nowMs = 1_760_000_600_000
  test('of what fires ends some refreshes ahead, of what is over where it ended', () => {
    const firing = posted(anAlert('a1'), nowMs)
    expect(firing).toMatchObject({
      startsAt: '2025-10-09T08:53:20.000Z',
      endsAt: new Date(nowMs + 900_000).toISOString(),
    })
    const atMs = 1_760_000_300_000
    const over = posted(anAlert('a1', { state: 'resolved', at_ms: atMs }), nowMs)
    expect(over['endsAt']).toBe(new Date(atMs).toISOString())
    expect(over['labels']).toEqual(firing['labels'])
  })

  test('is of alerts only', async () => {
    const target = { name: 'am', url: 'http://127.0.0.1:9', timeoutMs: 100, tokenFile: null }
    const sink = createAlertmanager({ ...target, clock: systemClock })
    const event = anEnd('i1')
    const notice = { kind: 'outcome' as const, key: 'k', outcome: 'healed' as const, event }
    await expect(sink.deliver(notice, noSignal)).rejects.toMatchObject({ refusal: 'refused' })
  })
})
