// An embedded log with the real codec and a projector on it, for the tests of reading.
import { expect } from 'vitest'
import { createMemoryLog } from '../../../src/adapters/memory/memory-log.ts'
import { createSerde } from '../../../src/adapters/serde/serde.ts'
import type { Serde } from '../../../src/adapters/serde/serde.ts'
import type { OutgoingRecord } from '../../../src/contracts/record.ts'
import type { RecordOf } from '../../../src/contracts/records.ts'
import { encodeUtf8 } from '../../../src/contracts/utf8.ts'
import { viewKey } from '../../../src/contracts/view-key.ts'
import { systemClock } from '../../../src/runtime/clock.ts'
import type { EventFields, EventKind } from '../../../src/runtime/instruments.ts'
import type { ViewStore } from '../../../src/runtime/view-port.ts'
import { startProjector } from '../../../src/roles/projector/projector.ts'
import type { Projector } from '../../../src/roles/projector/projector.ts'
import { tail, tailRequest } from '../../../src/roles/projector/tail.ts'
import type { TailLine } from '../../../src/roles/projector/views.ts'
import { packing } from '../../support/packing.ts'

export const PREFIX = 'hs.'
export const PARTITIONS = 3
/** Key of the instance that the records of records.ts speak of. */
export const KEY: string = viewKey('stock', 'stock-2')

const KINDS = ['health', 'registry', 'incidents', 'commands', 'results', 'policies', 'journal']

export class Rig {
  readonly log = createMemoryLog()
  readonly serde: Serde
  readonly refused: EventFields[] = []
  readonly events: { readonly kind: EventKind; readonly fields: EventFields }[] = []
  private readonly projectors: Projector[] = []

  private constructor(serde: Serde) {
    this.serde = serde
  }

  static async open(): Promise<Rig> {
    return new Rig(await createSerde())
  }

  async close(): Promise<void> {
    for (const projector of this.projectors) await projector.stop()
    await this.log.close()
  }

  async createTopics(): Promise<void> {
    const admin = this.log.admin()
    const topics = KINDS.map((kind) => PREFIX + kind)
    await admin.createTopics(topics.map((topic) => ({ topic, partitions: PARTITIONS, config: {} })))
    await admin.close()
  }

  project(shared?: ViewStore): Projector {
    const projector = startProjector({
      log: this.log.broker.connect({ transport: packing }),
      decoder: this.serde,
      clock: systemClock,
      instruments: {
        emit: (kind, fields) => {
          if (kind === 'record_refused') this.refused.push(fields)
          this.events.push({ kind, fields })
        },
      },
      prefix: PREFIX,
      partitions: PARTITIONS,
      ...(shared === undefined ? {} : { shared }),
    })
    this.projectors.push(projector)
    return projector
  }

  /** Of partition 1. */
  outgoing<K extends keyof RecordOf>(
    topic: K,
    key: string,
    record: RecordOf[K] | null,
  ): OutgoingRecord {
    const value = record === null ? null : this.serde.encode(topic, record)
    const at = { topic: PREFIX + topic, partition: 1, timestampMs: Date.now() }
    return { ...at, key: encodeUtf8(key), value }
  }

  async send(...records: OutgoingRecord[]): Promise<void> {
    const producer = this.log.producer()
    await producer.send(records)
    await producer.close()
  }

  async collect(topic: string, query: Record<string, string>): Promise<(TailLine | null)[]> {
    const lines: (TailLine | null)[] = []
    const request = tailRequest(topic, query, PREFIX)
    const { signal } = new AbortController()
    for await (const line of tail(this.source(), request, signal)) lines.push(line)
    return lines
  }

  source() {
    const log = this.log.broker.connect({ transport: packing })
    return { log, decoder: this.serde, prefix: PREFIX, partitions: PARTITIONS }
  }
}

export const ready = (projector: Projector) =>
  expect.poll(() => projector.notReady(), { timeout: 5_000 }).toEqual([])
