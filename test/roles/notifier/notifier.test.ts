// The notifier over the embedded log and a real HTTP receiver that is down, slow, answers 500, or
// takes what it is sent and loses its answer: nothing is lost, and whoever honours keys has
// everything once (S0-52).
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { NotifierSettings, SinkSettings } from '../../../src/config/notifier-settings.ts'
import { Receiver } from './receiver.ts'
import { anAlert, anEnd } from './records.ts'
import { Rig } from './rig.ts'

const folder = mkdtempSync(join(tmpdir(), 'healstream-notifier-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let rig: Rig
let receiver: Receiver
let url: string

beforeEach(async () => {
  rig = await Rig.open()
  receiver = new Receiver()
  url = await receiver.start()
})
afterEach(async () => {
  await rig.close()
  await receiver.stop()
})

const pager = (more: Partial<SinkSettings> = {}): SinkSettings => {
  return { name: 'pager', kind: 'webhook', url, timeout: 200, groupWait: 20, ...more }
}
const toPager = (more: Partial<SinkSettings> = {}): NotifierSettings => {
  return { sinks: [pager(more)], routes: { page: ['pager'] } }
}
const soon = { timeout: 15_000, interval: 20 }
const ids = (n: number, from: number = 1): string[] =>
  Array.from({ length: n }, (_, i) => `a${i + from}`)

describe('delivery', () => {
  test('each alert with its key, those of a group together, refreshes not at all', async () => {
    rig.start(toPager({ groupWait: 300 }))
    await rig.tell([anAlert('a1'), anAlert('r1', { refresh: true }), anAlert('a2')])
    await rig.tell([anAlert('a3', { group: 'other' })], 0)
    await expect.poll(() => receiver.ids.length, soon).toBe(3)
    expect(receiver.taken.length).toBe(2)
    const both = receiver.taken.find(({ body }) => body.alerts?.length === 2)
    expect(both?.body).toMatchObject({
      kind: 'alerts',
      cluster_id: 'c1',
      status: 'firing',
      tier: 'high',
      group: 'shop',
    })
    expect(both?.key).toMatch(/^alerts-[0-9a-f]{32}$/)
    expect(receiver.taken.find(({ body }) => body.alerts?.length === 1)?.key).toBe('a3')
  })

  test('each tier to its route: low alone never pages', async () => {
    const routes = { page: ['pager'], ticket: ['file'], digest: ['screen'] }
    const path = join(folder, 'tickets.jsonl')
    const sinks = [
      pager(),
      { name: 'file', kind: 'file' as const, path, groupWait: 20 },
      { name: 'screen', kind: 'console' as const, groupWait: 20 },
    ]
    const { lines } = rig.start({ sinks, routes })
    await rig.tell([
      anAlert('l1', { tier: 'low', route: 'digest', title: 'turns \u202e red\n' }),
      anAlert('m1', { tier: 'medium', route: 'ticket' }),
      anAlert('l2', { tier: 'low', route: 'a-route-nobody-serves' }),
      anAlert('h1'),
    ])
    await expect.poll(() => [lines.length, receiver.ids.length], soon).toEqual([2, 1])
    expect(receiver.ids).toEqual(['h1'])
    expect(lines[0]).toContain('firing low → digest shop/shop-1: turns \\u202e red\\n')
    const tickets = (): string => readFileSync(path, { encoding: 'utf8', flag: 'a+' })
    await expect.poll(tickets, soon).toMatch(/^\{.*"key":"m1".*\}\n$/)
  })

  test('what cannot be read is told and passed', async () => {
    const { events } = rig.start(toPager())
    await rig.garbage()
    await rig.tell([anAlert('a1')])
    await expect.poll(() => receiver.ids, soon).toEqual(['a1'])
    expect(events.filter(({ kind }) => kind === 'record_refused')).toMatchObject([
      { fields: { topic: 'hs.alerts', partition: 1, offset: 0 } },
    ])
  })

  test('a bearer token from its file, and a new one when it is replaced', async () => {
    const tokenFile = join(folder, 'token')
    writeFileSync(tokenFile, 'first\n')
    rig.start(toPager({ tokenFile }))
    await rig.tell([anAlert('a1')])
    await expect.poll(() => receiver.ids, soon).toEqual(['a1'])
    writeFileSync(tokenFile, 'second\n')
    await rig.tell([anAlert('a2')])
    await expect.poll(() => receiver.ids, soon).toEqual(['a1', 'a2'])
    expect(receiver.taken.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer first',
      'Bearer second',
    ])
  })
})

describe('a sink that fails', () => {
  test.each([
    ['answers 500', 'fails', 1],
    ['is busy', 'is busy', 1],
    ['answers too late', 'is slow', 2],
    ['takes and loses its answer', 'loses its answer', 2],
  ] as const)('%s: told again under the same key', async (_how, mood, times) => {
    receiver.moods = [mood, 'takes']
    const { notifier } = rig.start(toPager())
    await rig.tell([anAlert('a1')])
    await expect.poll(() => receiver.asked, soon).toBe(2)
    await expect
      .poll(() => receiver.taken.map(({ key }) => key), soon)
      .toEqual(Array.from({ length: times }, () => 'a1'))
    await expect.poll(() => notifier.notReady(), soon).toEqual([])
  })

  test('is not there: everything comes in order once it is back', async () => {
    await receiver.stop()
    const { notifier, events } = rig.start(toPager())
    await rig.tell(ids(4).map((id) => anAlert(id)))
    await expect.poll(() => notifier.notReady().join(), soon).toContain('cannot be reached')
    await rig.tell(ids(4, 5).map((id) => anAlert(id)))
    await receiver.start()
    await expect.poll(() => receiver.ids, soon).toEqual(ids(8))
    await expect.poll(() => notifier.notReady(), soon).toEqual([])
    expect(events.some(({ kind }) => kind === 'notice_failed')).toBe(true)
    const waited = events.filter(({ kind }) => kind === 'notices_waiting')
    expect(waited.some(({ fields }) => Number(fields['seconds']) > 0)).toBe(true)
  })

  test('holds back no other sink', async () => {
    await receiver.stop()
    const sinks = [pager(), { name: 'screen', kind: 'console' as const, groupWait: 20 }]
    const { lines } = rig.start({ sinks, routes: { page: ['pager', 'screen'] } })
    await rig.tell([anAlert('a1')])
    await expect.poll(() => lines.length, soon).toBe(1)
  })

  test('refuses one for good: the others are told, that one is said to be dropped', async () => {
    receiver.poison.add('a2')
    const { events } = rig.start(toPager())
    await rig.tell(ids(3).map((id) => anAlert(id)))
    await expect.poll(() => receiver.once, soon).toEqual(['a1', 'a3'])
    expect(events.filter(({ kind }) => kind === 'notice_dropped')).toMatchObject([
      { fields: { sink: 'pager', key: 'a2', reason: 'it answers 422: {"why":"as told"}' } },
    ])
  })

  test('redirects: nothing is sent elsewhere', async () => {
    receiver.moods = ['redirects']
    const { notifier } = rig.start(toPager())
    await rig.tell([anAlert('a1')])
    await expect.poll(() => notifier.notReady().join(), soon).toContain('it answers 307')
    expect(receiver.taken).toEqual([])
    receiver.moods = ['takes']
    await expect.poll(() => receiver.taken.map(({ path }) => path), soon).toEqual(['/'])
  })
})

describe('progress', () => {
  test('killed under delivery: the next one goes on, nothing is lost', async () => {
    const first = rig.start(toPager())
    await rig.tell(ids(3).map((id) => anAlert(id)))
    await expect.poll(() => receiver.once, soon).toEqual(ids(3))
    receiver.moods = ['loses its answer']
    await rig.tell(ids(3, 4).map((id) => anAlert(id)))
    await expect.poll(() => receiver.once, soon).toEqual(ids(6))
    first.cut()
    await first.notifier.stop()
    receiver.moods = ['takes']
    const before = receiver.taken.length
    rig.start(toPager())
    await rig.tell(ids(2, 7).map((id) => anAlert(id)))
    await expect.poll(() => receiver.once, soon).toEqual(ids(8))
    // What was delivered, and known to be, does not come again; what was in doubt has its key.
    const again = receiver.taken.slice(before).flatMap(({ body }) => body.alerts ?? [])
    expect(again.map((alert) => alert.alert_id)).toEqual([...ids(3, 4), ...ids(2, 7)])
  })

  test('a sink that was told nothing yet begins a little while ago, not a month', async () => {
    await rig.tell([anAlert('a1')])
    const { notifier } = rig.start({ ...toPager(), lookback: 3_600_000 })
    await expect.poll(() => receiver.ids, soon).toEqual(['a1'])
    await notifier.stop()
    const routes = { page: ['new'] }
    const later = rig.start({ sinks: [pager({ name: 'new' })], routes, lookback: 0 })
    await expect.poll(() => later.notifier.notReady(), soon).toEqual([])
    await rig.tell([anAlert('a2')])
    await expect.poll(() => receiver.ids, soon).toEqual(['a1', 'a2'])
  })

  test('two share the partitions, and one takes over', async () => {
    const both = [rig.start(toPager()), rig.start(toPager())]
    await expect.poll(() => both.map(({ notifier }) => notifier.notReady()), soon).toEqual([[], []])
    for (const partition of [0, 1, 2])
      await rig.tell([anAlert(`b${partition}`, { group: `g${partition}` })], partition)
    await expect.poll(() => receiver.once.length, soon).toBe(3)
    const [one] = both
    await one?.notifier.stop()
    for (const partition of [0, 1, 2])
      await rig.tell([anAlert(`c${partition}`, { group: `g${partition}` })], partition)
    await expect.poll(() => receiver.once.length, soon).toBe(6)
  })
})

describe('how incidents end (S0-56)', () => {
  test('each outcome once in the file, whoever is killed in between', async () => {
    const path = join(folder, 'cmdb.jsonl')
    const settings: NotifierSettings = {
      sinks: [{ name: 'cmdb', kind: 'file', path }],
      routes: {},
      outcomes: ['cmdb'],
    }
    const first = rig.start(settings)
    await rig.end([
      anEnd('i1', { event: 'detected', state: 'detected' }),
      anEnd('i1'),
      anEnd('i2', { event: 'escalated', state: 'escalated' }),
    ])
    const keys = (): readonly unknown[] => {
      const text = readFileSync(path, { encoding: 'utf8', flag: 'a+' })
      return text
        .split('\n')
        .slice(0, -1)
        .map((line) => (JSON.parse(line) as { readonly key: unknown }).key)
    }
    await expect.poll(keys, soon).toEqual(['i1.healed', 'i2.escalated'])
    // What it has written it may not have been able to note.
    first.cut()
    await first.notifier.stop()
    rig.start(settings)
    await rig.end([
      anEnd('i2', { facts: { outcome: 'healed_after_escalation' } }),
      anEnd('i3', { event: 'failed', state: 'failed' }),
    ])
    const all = ['i1.healed', 'i2.escalated', 'i2.healed_after_escalation', 'i3.left']
    await expect.poll(keys, soon).toEqual(all)
  })
})
