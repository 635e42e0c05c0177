// A sink that is away for five minutes, and a notifier that is killed meanwhile, in virtual time:
// every outcome is there once at a sink that honours keys (S0-56).
import { expect, test } from 'vitest'
import type { Transport } from '../../../src/adapters/client/protocol.ts'
import { createMemoryLog } from '../../../src/adapters/memory/memory-log.ts'
import { DeliveryError, type Sink } from '../../../src/adapters/notify/sink.ts'
import { createSerde } from '../../../src/adapters/serde/serde.ts'
import { outcomeOf } from '../../../src/contracts/incident-outcome.ts'
import { encodeUtf8 } from '../../../src/contracts/utf8.ts'
import { Channel } from '../../../src/roles/notifier/channel.ts'
import { Delivery } from '../../../src/roles/notifier/delivery.ts'
import { SILENT } from '../../../src/runtime/instruments.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'
import { anEnd } from './records.ts'

const AWAY_MS = 300_000

test('away for five minutes, killed after two: each outcome once, in order', async () => {
  const clock = new VirtualClock()
  const log = createMemoryLog({ clock })
  const serde = await createSerde()
  const taken: string[] = []
  let asked = 0
  const sink: Sink = {
    name: 'cmdb',
    needsRefresh: false,
    deliver: ({ key }) => {
      asked += 1
      if (clock.monotonicMs() < AWAY_MS)
        return Promise.reject(new DeliveryError('again', 'it is away'))
      taken.push(key)
      return Promise.resolve()
    },
  }
  const start = () => {
    let isCut = false
    const never = new Promise<never>(() => undefined)
    const transport =
      (inner: Transport): Transport =>
      (api, request, limits) =>
        isCut ? never : inner(api, request, limits)
    const channel = new Channel({
      name: 'cmdb',
      topic: 'incidents',
      group: 'g.cmdb.outcomes',
      log: log.broker.connect({ transport }),
      decoder: serde,
      clock,
      instruments: SILENT,
      prefix: 'hs.',
      delivery: new Delivery({ sink, clock, instruments: SILENT }),
      waitMs: 0,
      itemsMax: 1,
      lookbackMs: 3_600_000,
      select: (event) => (outcomeOf(event) === null ? null : event.incident_id),
      noticeOf: (_group, [event]) => {
        if (event === undefined) throw new Error('no event')
        const outcome = outcomeOf(event) ?? 'healed'
        return { kind: 'outcome', key: `${event.incident_id}.${outcome}`, outcome, event }
      },
    })
    channel.own([0])
    return { channel, cut: () => void (isCut = true) }
  }
  const scene = async (): Promise<void> => {
    const admin = log.admin()
    await admin.createTopics([{ topic: 'hs.incidents', partitions: 1, config: {} }])
    const producer = log.producer()
    const ends = [
      anEnd('i1'),
      anEnd('i2', { event: 'escalated', state: 'escalated' }),
      anEnd('i2', { facts: { outcome: 'healed_after_escalation' } }),
    ]
    const at = {
      topic: 'hs.incidents',
      partition: 0,
      key: encodeUtf8('i'),
      timestampMs: clock.nowMs(),
    }
    await producer.send(ends.map((one) => ({ ...at, value: serde.encode('incidents', one) })))
    const first = start()
    await clock.sleep(120_000)
    expect(first.channel.notReady().join()).toContain('it is away')
    first.cut()
    const stopped = first.channel.stop()
    const second = start()
    await clock.sleep(AWAY_MS)
    await second.channel.stop()
    await stopped
    expect(await admin.positions('g.cmdb.outcomes', [at])).toEqual([3])
  }
  await clock.run(scene())
  expect(taken).toEqual(['i1.healed', 'i2.escalated', 'i2.healed_after_escalation'])
  // With pauses that grow, nobody was asked at every moment of it.
  expect(asked).toBeLessThan(60)
  await log.close()
})
