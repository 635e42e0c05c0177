// Whatever nodes do and whenever partitions are taken, given and set back: what a reader shows of a
// partition is the log from the position it was given on, each offset once and in order.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createMemoryLog } from '../../../src/adapters/memory/memory-log.ts'
import { LogError } from '../../../src/runtime/log-error.ts'
import type { Fetched, LogReader } from '../../../src/runtime/ports.ts'
import { copyRecords } from '../../../src/runtime/record-batch.ts'
import { Nodes } from '../../support/nodes.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

const PARTITIONS = 3
const NODES = 2

const partition = fc.nat(PARTITIONS - 1)
const operation = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('poll' as const), ms: fc.nat(300) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('send' as const), partition }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('assign' as const), partition }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('unassign' as const), partition }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(400) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('move' as const),
      partition,
      node: fc.nat(NODES - 1),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('node' as const),
      node: fc.nat(NODES - 1),
      state: fc.constantFrom('up', 'up', 'silent', 'down'),
    }),
  },
)
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never

class Play {
  readonly #clock = new VirtualClock()
  readonly #log = createMemoryLog({ clock: this.#clock })
  readonly #nodes = new Nodes(NODES)
  readonly #reader: LogReader
  /** Written, by partition. */
  readonly #values: string[][] = Array.from({ length: PARTITIONS }, () => [])
  /** Next offset to be shown, by partition; null where nothing is assigned. */
  readonly #next: (number | null)[] = Array.from({ length: PARTITIONS }, () => null)
  #serial = 0

  constructor() {
    const port = this.#log.broker.connect({ transport: this.#nodes.wrap })
    this.#reader = port.reader({ isolation: 'read_committed', maxBytesPerPartition: 200 })
  }

  async run(operations: readonly Operation[]): Promise<void> {
    const topics = [{ topic: 't', partitions: PARTITIONS, config: {} }]
    await this.#clock.run(this.#log.admin().createTopics(topics))
    for (const step of operations) await this.#step(step)
    for (let node = 0; node < NODES; node++) this.#nodes.set(node, 'up')
    const untilMs = this.#clock.monotonicMs() + 10_000
    while (!this.#isDone()) {
      expect(this.#clock.monotonicMs()).toBeLessThan(untilMs)
      await this.#poll(100)
    }
    await this.#reader.close()
    await this.#log.close()
    await this.#clock.advance(0)
    expect(this.#clock.sleeping).toBe(0)
  }

  #isDone(): boolean {
    return this.#next.every((next, i) => next === null || next === this.#values[i]?.length)
  }

  async #step(step: Operation): Promise<void> {
    const clock = this.#clock
    switch (step.kind) {
      case 'poll':
        return await this.#poll(step.ms)
      case 'wait':
        return await clock.advance(step.ms)
      case 'send':
        return await this.#send(step.partition)
      case 'assign': {
        const from = Math.floor((this.#values[step.partition]?.length ?? 0) / 2)
        this.#next[step.partition] = from
        return this.#reader.assign({ topic: 't', partition: step.partition }, from)
      }
      case 'unassign':
        this.#next[step.partition] = null
        return this.#reader.unassign({ topic: 't', partition: step.partition })
      case 'move':
        return this.#nodes.move({ topic: 't', partition: step.partition }, step.node)
      case 'node':
        return this.#nodes.set(step.node, step.state)
    }
  }

  async #send(to: number): Promise<void> {
    const value = `${this.#serial++}`
    this.#values[to]?.push(value)
    const record = { topic: 't', partition: to, key: null, value: Buffer.from(value) }
    const timestampMs = this.#clock.nowMs()
    await this.#clock.run(this.#log.producer().send([{ ...record, timestampMs }]))
  }

  async #poll(ms: number): Promise<void> {
    const before = this.#next.map((_, i) => this.#reader.position({ topic: 't', partition: i }))
    expect(before).toEqual(this.#next)
    const startMs = this.#clock.monotonicMs()
    try {
      for (const fetched of await this.#clock.run(this.#reader.poll(ms))) this.#take(fetched)
      // A silent leader may be waited for as long as its answer may take, never for ever.
      expect(this.#clock.monotonicMs() - startMs).toBeLessThanOrEqual(ms + 3_500)
    } catch (error) {
      if (!(error instanceof LogError) || error.code !== 'UNAVAILABLE') throw error
    }
  }

  #take(fetched: Fetched): void {
    const { partition: at, from, to, batches, gap } = fetched
    expect([from, gap]).toEqual([this.#next[at], null])
    const shown = batches.flatMap((batch) => copyRecords(batch, from))
    expect(shown.map(({ offset }) => offset)).toEqual(
      Array.from({ length: to - from }, (_, i) => from + i),
    )
    const values = shown.map(({ value }) => Buffer.from(value ?? []).toString())
    expect(values).toEqual(this.#values[at]?.slice(from, to))
    expect(fetched.sentMs).toBeLessThanOrEqual(this.#clock.monotonicMs())
    this.#next[at] = to
  }
}

test('what is shown is the log, each offset once and in order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { maxLength: 60 }), async (operations) => {
      await new Play().run(operations)
    }),
    { numRuns: 150 },
  )
})
