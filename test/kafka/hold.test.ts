// `hold --all` under a stream of faults, with a worker process on a real broker (reliability.md
// I22, G15): no command is written later than two seconds after the log has acknowledged the hold,
// and none until it is released. By the broker's own times, of the hold and of the commands.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { partitionFor } from '../../src/contracts/partitioner.ts'
import type { RecordOf } from '../../src/contracts/records.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { healstream, type Ran } from '../cli/command.ts'
import { startKafka, type TestKafka } from '../support/kafka/cluster.ts'
import { connection, heartbeat, policy, processEvent, serviceEvent } from '../support/records.ts'
import { KafkaLoop } from './kafka-loop.ts'
import { until } from './worker-rig.ts'

const PARTITIONS = 2
const SERVICES = 400
const EVERY_MS = 60
const SILENT_MS = 2_000

let kafka: TestKafka
let loop: KafkaLoop
beforeAll(async () => {
  kafka = await startKafka({ nodes: 1 })
  loop = await KafkaLoop.begin(kafka.brokers, PARTITIONS)
})
afterAll(async () => {
  await loop.end()
  await kafka.stop()
})

type Topic = 'signals' | 'service-events' | 'policies'

/** Services of two instances that crash one after another, and agents that never answer. */
class Stream {
  readonly #producer = loop.rig.log.producer()
  readonly #seqs = new Map<string, number>()
  readonly #over = new AbortController()
  #running: Promise<unknown> = Promise.resolve()

  async begin(): Promise<void> {
    const limits = { cooldownMs: 0, serviceIntervalMs: 0, warmUpMs: 0, perMinute: 1_000_000 }
    const calm = { commonMin: 1_000, groupMin: 1_000 }
    await this.#document('GuardSet', { match: { services: ['*'] }, ...limits, ...calm })
    const trigger = { trigger: 'health == "unhealthy"', action: 'restart_instance' }
    await this.#document('HealPolicy', { match: { services: ['*'] }, mode: 'enforce', ...trigger })
    for (let i = 0; i < SERVICES; i++) {
      for (const instance of ['a', 'b']) {
        const who = this.#who(i, instance)
        const seq = this.#next('service-events', who.agent)
        await this.#send('service-events', who.service, serviceEvent({ ...who, seq }))
      }
    }
    this.#running = Promise.all([this.#beat(), this.#crash()])
  }

  async end(): Promise<void> {
    this.#over.abort()
    await this.#running
    await this.#producer.close()
  }

  async #beat(): Promise<void> {
    while (!this.#over.signal.aborted) {
      for (const i of this.#ones()) {
        const who = this.#who(i, 'b')
        const seq = this.#next('signals', who.agent)
        await this.#send('signals', who.service, heartbeat({ ...who, seq, level: 2, state: 'up' }))
      }
      await systemClock.sleep(1_000)
    }
  }

  /** One service of each partition: each has an agent of its own. */
  #ones(): readonly number[] {
    const all = Array.from({ length: SERVICES }, (_, i) => i)
    return Array.from({ length: PARTITIONS }, (_, p) =>
      all.find((i) => partitionFor(`s${i}`, PARTITIONS) === p),
    ).flatMap((i) => i ?? [])
  }

  async #crash(): Promise<void> {
    for (let i = 0; i < SERVICES && !this.#over.signal.aborted; i++) {
      const who = this.#who(i, 'a')
      const next = (): number => this.#next('signals', who.agent)
      const refused = connection({ ...who, seq: next(), event: 'refused' })
      await this.#send('signals', who.service, refused)
      const exited = processEvent({ ...who, seq: next(), event: 'exited', by: 'SIGKILL' })
      await this.#send('signals', who.service, exited)
      await systemClock.sleep(EVERY_MS)
    }
  }

  #who(i: number, instance: string) {
    const service = `s${i}`
    const agent = `agent-${partitionFor(service, PARTITIONS)}`
    return { service, instance: `${service}-${instance}`, agent, atMs: Date.now() }
  }

  #next(topic: string, agent: string): number {
    const key = `${topic} ${agent}`
    const seq = (this.#seqs.get(key) ?? 0) + 1
    this.#seqs.set(key, seq)
    return seq
  }

  async #document(kind: 'GuardSet' | 'HealPolicy', spec: object): Promise<void> {
    const name = `stream-${kind.toLowerCase()}`
    const document = { apiVersion: 'healstream.io/v1', kind, metadata: { name }, spec }
    for (let partition = 0; partition < PARTITIONS; partition++) {
      await this.#send('policies', name, policy({ name, kind, document }), partition)
    }
  }

  async #send<K extends Topic>(
    topic: K,
    key: string,
    record: RecordOf[K],
    partition = partitionFor(key, PARTITIONS),
  ): Promise<void> {
    const value = loop.rig.serde.encode(topic, record)
    const at = { topic: loop.rig.topic(topic), partition, timestampMs: Date.now() }
    await this.#producer.send([{ ...at, key: Buffer.from(key), value }])
  }
}

const cli = (...args: string[]): Promise<Ran> =>
  healstream(args, {
    env: {
      HOME: '/nonexistent',
      HEALSTREAM_KAFKA_BROKERS: kafka.brokers.join(','),
      HEALSTREAM_PREFIX: loop.rig.prefix,
      HEALSTREAM_OPERATOR: 'ann@ops',
      HEALSTREAM_LOG_LEVEL: 'silent',
    },
  })

test('silent within two seconds of the hold, for as long as it stands', async () => {
  await loop.worker()
  const stream = new Stream()
  await stream.begin()
  const commands = (): Promise<readonly number[]> => loop.rig.times('commands')
  const counted = async (atLeast: number): Promise<void> => {
    for (const endMs = performance.now() + 40_000; (await commands()).length < atLeast; ) {
      expect(performance.now(), `${(await commands()).length} commands`).toBeLessThan(endMs)
      await systemClock.sleep(200)
    }
  }
  await counted(10)
  const held = await cli('hold', '--all', '--why', 'something is wrong', '-o', 'json')
  expect(held.stderr + held.code).toContain('0')
  const { id } = JSON.parse(held.stdout)
  const holdMs = Math.max(...(await loop.rig.times('operator')))
  await systemClock.sleep(SILENT_MS + 4_000)
  const before = await commands()
  const late = Math.max(...before) - holdMs
  console.log(`last command ${late} ms after the hold, of ${before.length}`)
  expect(late).toBeLessThanOrEqual(SILENT_MS)
  const said = await loop.rig.records('incidents')
  expect(said.some(({ summary }) => summary.includes(`guard hold: hold ${id} by ann@ops`))).toBe(
    true,
  )

  const unknown = await cli('release', 'nobody', '--why', 'x')
  expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining(id)])
  expect((await cli('release', id, '--why', 'all is well')).code).toBe(0)
  await counted(before.length + 5)
  await stream.end()
  const yes = await cli('approve', 'inc-1', '--why', 'seen', '--for', '5m', '-o', 'json')
  expect(JSON.parse(yes.stdout)).toMatchObject({ refers_to: 'inc-1', verdict: 'approve' })
  await until('it was a stream', () => loop.story.length > 0)
}, 120_000)
