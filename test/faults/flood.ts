// A program of F52: a flood of telemetry, as fast as the brokers take it, from a process of its own
// so that nobody else is kept waiting for it; keeps a history as agents do. Says how much was sent.
//   flood.ts '{"brokers": […], "prefix": …, "folder": …, "life": …, "services": […]}'
import { createKafkaLog } from '../../src/adapters/kafka/kafka-log.ts'
import { createSerde } from '../../src/adapters/serde/serde.ts'
import { topicName } from '../../src/contracts/topics.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { hashOf, HistoryWriter } from '../nemesis/history.ts'
import { delta } from '../support/records.ts'

/** A service, and how many of its records a round brings. */
interface Flooded {
  readonly service: string
  readonly partition: number
  readonly perRound: number
}

export interface FloodOptions {
  readonly brokers: readonly string[]
  readonly prefix: string
  readonly folder: string
  readonly life: number
  readonly rounds: number
  readonly services: readonly Flooded[]
}

const INSTANCES = 50
const PER_REQUEST = 250

const options: FloodOptions = JSON.parse(process.argv[2] ?? '{}')
const { brokers, prefix, folder, life, rounds, services } = options
const serde = await createSerde()
const log = createKafkaLog({ brokers, clock: systemClock })
const history = new HistoryWriter(folder, life)
const topic = topicName('telemetry', prefix)
let requests = 0
let sent = 0

async function round(n: number, { service, partition, perRound }: Flooded): Promise<void> {
  const producer = producers.get(partition)
  for (let i = 0; i < perRound; i += PER_REQUEST) {
    const values = Array.from({ length: Math.min(PER_REQUEST, perRound - i) }, (_, j) => {
      const which = i + j
      const instance = `${service}-${which % INSTANCES}`
      const seq = n * perRound + Math.floor(which / INSTANCES) + 1
      const words = { service, instance, seq, atMs: Date.now(), ok: 3, latencyUs: 9_000 }
      return serde.encode('telemetry', delta(words))
    })
    const id = ++requests
    const [by, h] = [`flood ${partition}`, values.map(hashOf)]
    history.write({ k: 'try', id, topic: 'telemetry', p: partition, by, h, ms: Date.now() })
    const key = Buffer.from(service)
    const timestampMs = Date.now()
    const records = values.map((value) => ({ topic, partition, key, value, timestampMs }))
    const [appended] = (await producer?.send(records)) ?? []
    if (appended === undefined) throw new Error('nothing was sent')
    const { baseOffset: base, lastOffset: last } = appended
    history.write({ k: 'ok', id, base, last, ms: Date.now() })
    sent += values.length
  }
}

const producers = new Map(services.map(({ partition }) => [partition, log.producer()]))
for (let n = 0; n < rounds; n++) await Promise.all(services.map((flooded) => round(n, flooded)))
history.close()
process.stdout.write(`${sent}\n`)
process.exit(0)
