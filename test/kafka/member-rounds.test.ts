// A bad night on real Kafka: members come, go and ask for new rounds without end, while one writes
// and they copy what was written, each task under its own transactional id. Whoever takes a task
// goes on behind what the copy holds, so a record that is missing, doubled or out of order was the
// membership's or the fence's fault.
import { randomBytes } from 'node:crypto'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { createKafkaLog } from '../../src/adapters/kafka/kafka-log.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { LogError } from '../../src/runtime/log-error.ts'
import type {
  Fetched,
  LogPort,
  LogReader,
  Membership,
  TransactionalWriter,
} from '../../src/runtime/ports.ts'
import { copyRecords } from '../../src/runtime/record-batch.ts'
import { isFull } from '../support/full.ts'
import { startKafka } from '../support/kafka/cluster.ts'
import { evenly, TASKS, until } from './members.ts'

const ROUNDS = isFull ? 100 : 30
const MEMBERS = 3
/** More than one commit and the markers of those that came to nothing. */
const TAIL = 2_000
let brokers: readonly string[] = []
beforeAll(async () => {
  const kafka = await startKafka({ nodes: 1 })
  brokers = kafka.brokers
  return () => kafka.stop()
})

const run = randomBytes(6).toString('hex')
const IN = `rounds-in-${run}`
const OUT = `rounds-out-${run}`

const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

function open(): LogPort {
  const log = createKafkaLog({ brokers, clock: systemClock })
  closers.push(() => log.close())
  return log
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const numberOf = (value: Uint8Array | null): number =>
  Number(new TextDecoder().decode(value ?? undefined))
const numbers = (fetched: readonly Fetched[]): number[] =>
  fetched.flatMap(({ batches, from }) =>
    batches.flatMap((batch) => copyRecords(batch, from).map(({ value }) => numberOf(value))),
  )

function record(
  topic: string,
  partition: number,
  n: number,
): {
  topic: string
  partition: number
  key: null
  value: Uint8Array
  timestampMs: number
} {
  const value = new TextEncoder().encode(String(n))
  return { topic, partition, key: null, value, timestampMs: Date.now() }
}

/** What is committed to a partition of OUT by now, of the last so many offsets. */
async function read(log: LogPort, partition: number, count: number): Promise<number[]> {
  const at = { topic: OUT, partition }
  const reader = log.reader({ isolation: 'read_committed' })
  try {
    const [end = 0] = await log.admin().offsets([at], 'latest', 'read_uncommitted')
    reader.assign(at, Math.max(0, end - count))
    const found: number[] = []
    while ((reader.position(at) ?? -1) < end) found.push(...numbers(await reader.poll(100)))
    return found
  } finally {
    await reader.close()
  }
}

/** Copies one task from IN to OUT until it is told to stop or another takes the task. */
class Copy {
  readonly #log: LogPort
  readonly #task: number
  readonly done: Promise<void>
  #isStopping = false

  constructor(log: LogPort, task: number) {
    this.#log = log
    this.#task = task
    this.done = this.#run()
  }

  stop(): void {
    this.#isStopping = true
  }

  async #run(): Promise<void> {
    const writer = this.#log.writer({
      transactionalId: `rounds-${run}.${this.#task}`,
      transactionTimeoutMs: 5_000,
      deadlineMs: 5_000,
    })
    const reader = this.#log.reader({ isolation: 'read_committed' })
    try {
      await this.#copy(writer, reader)
    } catch (error) {
      // Fenced, or without an answer: the next owner goes on.
      if (!(error instanceof LogError)) throw error
    } finally {
      await Promise.all([writer.close(), reader.close()])
    }
  }

  async #copy(writer: TransactionalWriter, reader: LogReader): Promise<void> {
    await writer.fence()
    const copied = (await read(this.#log, this.#task, TAIL)).at(-1) ?? -1
    // Nobody but the one producer writes IN, outside transactions: the offset is the number.
    reader.assign({ topic: IN, partition: this.#task }, copied + 1)
    while (!this.#isStopping) {
      const fresh = numbers(await reader.poll(50))
      if (fresh.length > 0 && !this.#isStopping)
        await writer.commit(fresh.map((n) => record(OUT, this.#task, n)))
    }
  }
}

/** Who owned what in which generation, over all members. */
const owners = new Map<string, string>()
let newest = -1
const newestGeneration = (): number => newest

class Player {
  readonly #log = open()
  readonly #membership: Membership
  readonly #copies = new Map<number, Copy>()
  readonly #done: Promise<unknown>
  #closing: Promise<unknown>[] = []
  #metadata = 0
  generation = -1

  constructor(group: string) {
    this.#membership = this.#log.join({
      group,
      metadata: () => Uint8Array.of(this.#metadata >> 8, this.#metadata & 255),
      assign: (members) => evenly(members.map(({ memberId }) => memberId)),
      sessionTimeoutMs: 6_000,
      rebalanceTimeoutMs: 3_000,
      heartbeatMs: 50,
    })
    this.#done = this.#follow().catch((error: unknown) => error)
  }

  rejoin(): void {
    this.#metadata++
    this.#membership.rejoin()
  }

  async leave(): Promise<void> {
    this.#own([])
    await Promise.all(this.#closing)
    await this.#log.close()
    const failure = await this.#done
    expect(failure).toMatchObject({ code: 'CLOSED' })
  }

  async #follow(): Promise<void> {
    for (;;) {
      const event = await this.#membership.next()
      if (event.kind === 'lost') {
        this.#own([])
        continue
      }
      const { generation, memberId, tasks } = event
      expect(generation).toBeGreaterThan(this.generation)
      this.generation = generation
      newest = Math.max(newest, generation)
      for (const task of tasks) {
        const key = `${generation}/${task}`
        expect(owners.get(key) ?? memberId).toBe(memberId)
        owners.set(key, memberId)
      }
      this.#own(tasks)
    }
  }

  #own(tasks: readonly number[]): void {
    for (const [task, copy] of this.#copies) {
      if (tasks.includes(task)) continue
      this.#copies.delete(task)
      copy.stop()
      this.#closing.push(copy.done)
    }
    for (const task of tasks) if (!this.#copies.has(task)) this.#take(task)
  }

  #take(task: number): void {
    const copy = new Copy(this.#log, task)
    this.#copies.set(task, copy)
    // Fenced by one that is behind: only the next round gives the task back.
    copy.done
      .then(() => {
        if (this.#copies.get(task) !== copy) return
        this.#copies.delete(task)
        this.rejoin()
      })
      .catch(() => {})
  }
}

/** Writes 0, 1, 2, … to every partition of IN until it is stopped; returns how many. */
async function write(log: LogPort, isStopped: () => boolean): Promise<number> {
  const producer = log.producer()
  for (let n = 0; ; n++) {
    if (isStopped()) return n
    await producer.send(TASKS.map((task) => record(IN, task, n)))
    await wait(5)
  }
}

test('rounds without end with records in flight: none lost, doubled or out of order', async () => {
  const log = open()
  const topics = [IN, OUT].map((topic) => ({ topic, partitions: TASKS.length, config: {} }))
  await log.admin().createTopics(topics)
  let isStopped = false
  const writing = write(log, () => isStopped)
  const group = `rounds-${run}`
  const players: Player[] = [new Player(group)]
  for (let move = 0; newestGeneration() < ROUNDS; move++) {
    const before = newestGeneration()
    const oldest = players[0]
    if (move % 3 === 0) oldest?.rejoin()
    else if (players.length < MEMBERS) players.push(new Player(group))
    else await players.shift()?.leave()
    await until('a new round', () => newest > before)
  }
  isStopped = true
  const written = await writing
  const isSettled = (): boolean => players.every(({ generation }) => generation === newest)
  await until('the last round', isSettled)
  for (const task of TASKS) {
    let found: number[] = []
    const endMs = performance.now() + 20_000
    while (found.length < written && performance.now() < endMs) {
      found = await read(log, task, Number.POSITIVE_INFINITY)
      await wait(50)
    }
    // Number n is at index n.
    expect(found.findIndex((n, i) => n !== i)).toBe(-1)
    expect(found.length).toBe(written)
  }
  await Promise.all(players.map((player) => player.leave()))
  expect(written).toBeGreaterThan(ROUNDS)
})
