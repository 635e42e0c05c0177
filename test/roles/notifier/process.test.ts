// The notifier as a process of its own: ready while its sinks take what they are handed.
import { afterAll, expect, test } from 'vitest'
import { createMemoryLog } from '../../../src/adapters/memory/memory-log.ts'
import { resolveSettings } from '../../../src/config/settings.ts'
import { encodeUtf8 } from '../../../src/contracts/utf8.ts'
import { startNotifierProcess } from '../../../src/roles/notifier/process.ts'
import { openParts } from '../../../src/roles/parts/parts.ts'
import { systemClock as clock } from '../../../src/runtime/clock.ts'
import { initCluster } from '../../../src/runtime/init.ts'
import { Receiver } from './receiver.ts'
import { anAlert } from './records.ts'

const receiver = new Receiver()
afterAll(() => receiver.stop())

test('ready, not ready while its sink is away, counted', async () => {
  const log = createMemoryLog()
  await initCluster(log, { clock, partitions: 2, prefix: 'hs.', dev: true })
  const resolved = resolveSettings({ logLevel: 'silent' }, {})
  const parts = await openParts(resolved, { role: 'notifier', connect: () => log })
  const url = await receiver.start()
  const settings = {
    sinks: [{ name: 'pager', kind: 'webhook' as const, url, groupWait: 0 }],
    routes: { page: ['pager'] },
  }
  const role = await startNotifierProcess(parts, { settings, port: 0, say: () => undefined })
  const ready = async (): Promise<string> => await (await fetch(`${role.url}/readyz`)).text()
  await expect.poll(ready, { timeout: 10_000 }).not.toContain('notifier')
  await receiver.stop()
  const value = parts.encoder.encode('alerts', anAlert('a1'))
  const at = { topic: 'hs.alerts', partition: 1, timestampMs: Date.now() }
  await log.producer().send([{ ...at, key: encodeUtf8('shop'), value }])
  await expect.poll(ready, { timeout: 10_000 }).toContain('sink pager (alerts): it cannot')
  await receiver.start()
  await expect.poll(() => receiver.ids, { timeout: 10_000 }).toEqual(['a1'])
  const metrics = await (await fetch(`${role.url}/metrics`)).text()
  expect(metrics).toMatch(/healstream_notices_delivered_total\{.*sink="pager".*\} 1/)
  expect(metrics).toMatch(/healstream_notice_failures_total\{.*sink="pager".*\} [1-9]/)
  await role.stop()
}, 30_000)
