// A thousand random operations against a model that fits on a page, and closing everything at once.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { OutgoingRecord } from '../../../src/contracts/record.ts'
import { LogError } from '../../../src/runtime/log-error.ts'
import type {
  IdempotentProducer,
  TopicPartition,
  TransactionalWriter,
} from '../../../src/runtime/ports.ts'
import type { ConformanceCase, ConformanceRig, Fault, RequestKind, RigClient } from '../rig.ts'
import {
  bytes,
  codeOf,
  expectCode,
  fencedWriter,
  PATIENCE_MS,
  readTexts,
  records,
  resolved,
  timed,
  topicOf,
} from '../steps.ts'

const PARTITIONS = 3
/** Beside each other, each with a topic and a client: on real brokers a fault takes time. */
const PLAYS = 10
const OPERATIONS = 100

type Operation =
  | { readonly kind: 'commit' | 'send'; readonly to: readonly number[] }
  | { readonly kind: 'too large' | 'take over' }
  | { readonly kind: 'fault'; readonly request: RequestKind; readonly fault: Fault }

const FAULTS: readonly Fault[] = ['lose request', 'lose answer', 'double']
const REQUESTS: readonly RequestKind[] = [
  'EndTxn',
  'Produce',
  'AddPartitionsToTxn',
  'InitProducerId',
]

const places = fc.array(fc.nat(PARTITIONS - 1), { minLength: 1, maxLength: 6 })
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ kind: fc.constant('commit' as const), to: places }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('send' as const), to: places }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'too large' } as const) },
  { weight: 2, arbitrary: fc.constant({ kind: 'take over' } as const) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('fault' as const),
      request: fc.constantFrom(...REQUESTS),
      fault: fc.constantFrom(...FAULTS),
    }),
  },
)

/** What must be in a partition, in order; values in doubt may be missing, but not out of place. */
interface Expected {
  readonly value: string
  readonly isCertain: boolean
}

class Play {
  readonly #rig: ConformanceRig
  readonly #client: RigClient
  readonly #topic: string
  readonly #transactionalId: string
  readonly #model: Expected[][] = Array.from({ length: PARTITIONS }, () => [])
  #writer: TransactionalWriter
  #producer: IdempotentProducer
  #serial = 0

  constructor(
    rig: ConformanceRig,
    client: RigClient,
    setup: { topic: string; transactionalId: string; writer: TransactionalWriter },
  ) {
    this.#rig = rig
    this.#client = client
    this.#topic = setup.topic
    this.#transactionalId = setup.transactionalId
    this.#writer = setup.writer
    this.#producer = client.log.producer()
  }

  async run(step: Operation): Promise<void> {
    switch (step.kind) {
      case 'commit':
        await this.#commit(step.to)
        return
      case 'send':
        await this.#send(step.to)
        return
      case 'too large':
        await this.#tooLarge()
        return
      case 'take over':
        await this.#takeOver()
        return
      case 'fault':
        this.#client.link.disturb(step.request, step.fault)
    }
  }

  async check(): Promise<void> {
    for (const [partition, expected] of this.#model.entries()) {
      const at = { topic: this.#topic, partition }
      const count = expected.filter((one) => one.isCertain).length
      const found = await readTexts(this.#rig, this.#client.log, at, { count })
      let next = 0
      for (const { value, isCertain } of expected) {
        if (found[next] === value) next++
        else assert.ok(!isCertain, `partition ${partition}: ${value} is missing at ${next}`)
      }
      assert.equal(next, found.length, `partition ${partition}: more than was written`)
    }
  }

  #records(to: readonly number[]): OutgoingRecord[] {
    return to.flatMap((partition) =>
      records(this.#rig, this.#at(partition), [`v${this.#serial++}`]),
    )
  }

  #at(partition: number): TopicPartition {
    return { topic: this.#topic, partition }
  }

  #expect(out: readonly OutgoingRecord[], isCertain: boolean): void {
    for (const { partition, value } of out)
      this.#model[partition]?.push({
        value: new TextDecoder().decode(value ?? bytes('')),
        isCertain,
      })
  }

  async #commit(to: readonly number[]): Promise<void> {
    const out = this.#records(to)
    const code = await codeOf(this.#writer.commit(out))
    if (code === 'none') this.#expect(out, true)
    else {
      assert.ok(['IN_DOUBT', 'FENCED', 'ABORTED'].includes(code), code)
      if (code === 'IN_DOUBT') this.#expect(out, false)
      await this.#fence()
    }
  }

  async #send(to: readonly number[]): Promise<void> {
    const out = this.#records(to)
    const code = await codeOf(this.#producer.send(out))
    // Of several partitions some may have taken theirs.
    assert.ok(['none', 'IN_DOUBT', 'UNAVAILABLE'].includes(code), `send: ${code}`)
    this.#expect(out, code === 'none')
  }

  async #tooLarge(): Promise<void> {
    const out = [...this.#records([0, 1]), ...records(this.#rig, this.#at(2), ['x'.repeat(5_000)])]
    const code = await codeOf(this.#writer.commit(out))
    assert.ok(['TOO_LARGE', 'FENCED', 'ABORTED'].includes(code), code)
    if (code !== 'TOO_LARGE') await this.#fence()
  }

  /** A newer owner; the one before tries once more. */
  async #takeOver(): Promise<void> {
    const zombie = this.#writer
    this.#writer = this.#client.log.writer({
      transactionalId: this.#transactionalId,
      transactionTimeoutMs: 5_000,
      deadlineMs: 5_000,
    })
    await this.#fence()
    const code = await codeOf(zombie.commit(this.#records([0, 1, 2])))
    assert.ok(['FENCED', 'ABORTED'].includes(code), `a zombie's commit: ${code}`)
    await zombie.close()
  }

  async #fence(): Promise<void> {
    for (;;) {
      try {
        await this.#writer.fence()
        return
      } catch (error) {
        if (!(error instanceof LogError) || error.code !== 'UNAVAILABLE') throw error
      }
    }
  }
}

async function playThrough(rig: ConformanceRig, steps: readonly Operation[]): Promise<void> {
  const client = await rig.connect()
  const config = { 'max.message.bytes': '4000' }
  const topic = await topicOf(rig, client.log, { partitions: PARTITIONS, config })
  const transactionalId = rig.unique('writer')
  const writer = await fencedWriter(rig, client.log, { transactionalId })
  const play = new Play(rig, client, { topic, transactionalId, writer })
  for (const step of steps) await play.run(step)
  await play.check()
}

export const MODEL_CASES: readonly ConformanceCase[] = [
  {
    id: 'random-operations',
    title: 'a thousand random commits, sends, take-overs and faults agree with a simple model',
    story: 'What nobody thought of.',
    async run(rig) {
      const steps = fc.array(operation, { minLength: OPERATIONS, maxLength: OPERATIONS })
      const plays = fc.sample(steps, { numRuns: PLAYS, seed: 20_250_117 })
      assert.equal(plays.flat().length, PLAYS * OPERATIONS)
      await Promise.all(plays.map((play) => playThrough(rig, play)))
    },
  },
  {
    id: 'close-all',
    title: 'closing a log ends everything opened from it promptly',
    story: 'Ctrl-C leaves nothing behind, whatever was under way.',
    async run(rig) {
      const { log, link } = await rig.connect()
      const { log: other } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const reader = log.reader({ isolation: 'read_committed' })
      reader.assign(at, 'latest')
      await resolved(rig, reader, at)
      const writer = await fencedWriter(rig, log)
      link.disturb('EndTxn', 'lose request', 1_000_000)
      link.disturb('Produce', 'lose answer', 1_000_000)
      const membership = log.join({
        group: rig.unique('group'),
        metadata: () => bytes(''),
        assign: () => new Map(),
        sessionTimeoutMs: 3_000,
        rebalanceTimeoutMs: 2_000,
        heartbeatMs: 300,
      })
      await membership.next()
      const pending = [
        reader.poll(PATIENCE_MS),
        writer.commit(records(rig, at, ['x'])),
        log.producer().send(records(rig, at, ['y'])),
        membership.next(),
      ].map((promise) => codeOf(promise))
      const tookMs = await timed(rig, () => log.close())
      assert.ok(tookMs < 3_000, `took ${tookMs} ms`)
      assert.deepEqual(await Promise.all(pending), ['CLOSED', 'CLOSED', 'CLOSED', 'CLOSED'])
      await expectCode(fencedWriter(rig, log), 'CLOSED')
      assert.equal((await other.clusterId()).length > 0, true)
    },
  },
]
