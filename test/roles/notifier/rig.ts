// An embedded log with the real codec, and notifiers on it as if in processes of their own.
import { createMemoryLog } from '../../../src/adapters/memory/memory-log.ts'
import type { Transport } from '../../../src/adapters/client/protocol.ts'
import { createSerde, type Serde } from '../../../src/adapters/serde/serde.ts'
import type { NotifierSettings } from '../../../src/config/notifier-settings.ts'
import type { Alert, IncidentEvent } from '../../../src/contracts/records.ts'
import { encodeUtf8 } from '../../../src/contracts/utf8.ts'
import { type NotifierHandle, startNotifier } from '../../../src/roles/notifier/notifier.ts'
import { systemClock } from '../../../src/runtime/clock.ts'
import type { EventFields, EventKind } from '../../../src/runtime/instruments.ts'

export const PARTITIONS = 3

export interface Running {
  readonly notifier: NotifierHandle
  readonly events: { readonly kind: EventKind; readonly fields: EventFields }[]
  readonly lines: string[]
  /** As kill -9: it says nothing to the log any more, from now on. */
  cut(): void
}

export class Rig {
  readonly log = createMemoryLog()
  readonly serde: Serde
  private readonly running: Running[] = []

  private constructor(serde: Serde) {
    this.serde = serde
  }

  static async open(): Promise<Rig> {
    const rig = new Rig(await createSerde())
    const admin = rig.log.admin()
    const topics = ['hs.alerts', 'hs.incidents']
    await admin.createTopics(topics.map((topic) => ({ topic, partitions: PARTITIONS, config: {} })))
    await admin.close()
    return rig
  }

  async close(): Promise<void> {
    await Promise.all(this.running.map(({ notifier }) => notifier.stop()))
    await this.log.close()
  }

  start(settings: NotifierSettings): Running {
    let isCut = false
    const never = new Promise<never>(() => undefined)
    const transport =
      (inner: Transport): Transport =>
      async (api, request, limits) => {
        if (isCut) return never
        const answer = await inner(api, request, limits)
        return isCut ? never : answer
      }
    const log = this.log.broker.connect({ transport })
    const events: Running['events'] = []
    const lines: string[] = []
    const notifier = startNotifier({
      settings,
      log,
      decoder: this.serde,
      clock: systemClock,
      instruments: { emit: (kind, fields) => events.push({ kind, fields }) },
      prefix: 'hs.',
      partitions: PARTITIONS,
      clusterId: 'c1',
      group: 'healstream',
      say: (line) => lines.push(line),
    })
    const running = { notifier, events, lines, cut: () => void (isCut = true) }
    this.running.push(running)
    return running
  }

  async tell(alerts: readonly Alert[], partition: number = 1): Promise<void> {
    await this.send(
      'hs.alerts',
      partition,
      alerts.map((alert) => [alert.service, this.serde.encode('alerts', alert)]),
    )
  }

  async end(events: readonly IncidentEvent[], partition: number = 1): Promise<void> {
    await this.send(
      'hs.incidents',
      partition,
      events.map((event) => [event.incident_id, this.serde.encode('incidents', event)]),
    )
  }

  async garbage(partition: number = 1): Promise<void> {
    await this.send('hs.alerts', partition, [['shop', new Uint8Array([1, 2, 3])]])
  }

  private async send(
    topic: string,
    partition: number,
    pairs: readonly (readonly [string, Uint8Array])[],
  ): Promise<void> {
    const producer = this.log.producer()
    await producer.send(
      pairs.map(([key, value]) => {
        return { topic, partition, key: encodeUtf8(key), value, timestampMs: Date.now() }
      }),
    )
    await producer.close()
  }
}
