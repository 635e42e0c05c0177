// Pumps: each class reads for itself, quiet inputs are told, errors reach the task they concern.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createMemoryLog, type MemoryLog } from '../../src/adapters/memory/memory-log.ts'
import type { Transport } from '../../src/adapters/client/protocol.ts'
import { INPUT_TOPICS, topicName, type TopicKind } from '../../src/contracts/topics.ts'
import { serviceTask } from '../../src/runtime/task-spec.ts'
import { topicSetups } from '../../src/runtime/init.ts'
import type { EventKind, Instruments } from '../../src/runtime/instruments.ts'
import { Pump } from '../../src/runtime/pump.ts'
import type { Fetched } from '../../src/runtime/ports.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const START = INPUT_TOPICS.map(() => 0)
const SPEC = serviceTask(0)

let clock: VirtualClock
let log: MemoryLog
let pumps: Pump[]
let events: EventKind[]

beforeEach(async () => {
  clock = new VirtualClock()
  log = createMemoryLog({ clock })
  pumps = []
  events = []
  await clock.run(log.admin().createTopics(topicSetups('hs.', 2)))
})

afterEach(async () => {
  await clock.run(Promise.all(pumps.map((pump) => pump.close())))
  await clock.run(log.close())
  expect(clock.sleeping).toBe(0)
})

function pump(reads: (topic: TopicKind) => boolean, bend?: (inner: Transport) => Transport): Pump {
  const client = bend === undefined ? log : log.broker.connect({ transport: bend })
  const instruments: Instruments = { emit: (kind) => events.push(kind) }
  const made = new Pump({ log: client, clock, instruments, prefix: 'hs.', reads })
  pumps.push(made)
  return made
}

class Sink {
  readonly deliveries: (readonly Fetched[])[] = []
  readonly errors: unknown[] = []
  dueMs: number = Infinity

  deliver(fetched: readonly Fetched[]): void {
    this.deliveries.push(fetched)
  }

  readFailed(error: unknown): void {
    this.errors.push(error)
  }

  /** When each answer that tells of an input was asked for. */
  get sentMs(): number[] {
    return this.deliveries.flatMap(([first]) => (first === undefined ? [] : [first.sentMs]))
  }

  get ranges(): string[] {
    return this.deliveries.flatMap((fetched) =>
      fetched.filter(({ to, from }) => to > from).map((f) => `${f.topic} ${f.from}-${f.to}`),
    )
  }
}

async function send(topic: TopicKind, count: number, partition = 0): Promise<void> {
  const record = { topic: topicName(topic), partition, key: null, value: null, timestampMs: 0 }
  await clock.run(log.producer().send(Array.from({ length: count }, () => record)))
}

describe('a pump', () => {
  test('reads its class and nothing else', async () => {
    const sink = new Sink()
    pump((topic) => topic === 'telemetry').subscribe(SPEC, sink, START)
    await send('telemetry', 2)
    await send('signals', 3)
    await clock.advance(600)
    expect(sink.ranges).toEqual([`${topicName('telemetry')} 0-2`])
  })

  test('every answer reports every input, also the quiet ones', async () => {
    const sink = new Sink()
    pump((topic) => topic !== 'telemetry').subscribe(SPEC, sink, START)
    await clock.advance(600)
    for (const fetched of sink.deliveries.slice(0, 2)) {
      expect(fetched).toHaveLength(INPUT_TOPICS.length - 1)
      expect(fetched.every(({ from, to, caughtUp }) => to === from && caughtUp)).toBe(true)
    }
    await send('results', 1)
    await clock.advance(1)
    const last = sink.deliveries.flat().filter(({ to }) => to === 1)
    expect(last.map(({ topic }) => topic)).toEqual([topicName('results')])
    expect(last[0]?.sentMs).toBeLessThan(clock.monotonicMs())
  })

  test('subscribed again it goes back to the positions', async () => {
    const sink = new Sink()
    const made = pump(() => true)
    await send('signals', 2)
    made.subscribe(SPEC, sink, START)
    await clock.advance(300)
    made.subscribe(SPEC, sink, START)
    await clock.advance(300)
    expect(sink.ranges).toEqual([`${topicName('signals')} 0-2`, `${topicName('signals')} 0-2`])
  })

  test('two tasks get what is theirs; one that left gets nothing', async () => {
    const [a, b] = [new Sink(), new Sink()]
    const made = pump(() => true)
    made.subscribe(SPEC, a, START)
    made.subscribe(serviceTask(1), b, START)
    await send('signals', 1, 0)
    await send('signals', 2, 1)
    await clock.advance(100)
    made.unsubscribe(SPEC)
    await send('signals', 1, 0)
    await clock.advance(600)
    expect(a.ranges).toEqual([`${topicName('signals')} 0-1`])
    expect(b.ranges).toEqual([`${topicName('signals')} 0-2`])
  })

  test('a lost position concerns its task only', async () => {
    const [a, b] = [new Sink(), new Sink()]
    const made = pump(() => true)
    await send('signals', 3, 1)
    await clock.run(log.admin().deleteRecords({ topic: topicName('signals'), partition: 1 }, 2))
    made.subscribe(SPEC, a, START)
    made.subscribe(serviceTask(1), b, START)
    await clock.advance(2_000)
    expect(b.errors).toMatchObject([{ code: 'POSITION_LOST' }])
    expect(a.errors).toEqual([])
    await send('signals', 1, 0)
    await clock.advance(2_000)
    expect(a.ranges).toEqual([`${topicName('signals')} 0-1`])
  })

  test('a log that does not answer is asked again until it does, and that is told', async () => {
    // A log that could not be read was asked again for ever in silence: every task said it ran.
    const sink = new Sink()
    let isDown = true
    const bend = (inner: Transport): Transport => {
      return (api, request, limits) =>
        isDown ? Promise.reject(new Error('down')) : inner(api, request, limits)
    }
    pump(() => true, bend).subscribe(SPEC, sink, START)
    await send('signals', 1)
    await clock.advance(5_000)
    expect(sink.deliveries).toEqual([])
    expect(sink.errors).toEqual([])
    // 20 ms, doubled up to a second.
    expect(events.length).toBeGreaterThan(5)
    expect(events.length).toBeLessThan(15)
    expect(new Set(events)).toEqual(new Set(['read_failed']))
    isDown = false
    await clock.advance(2_000)
    const told = events.length
    await clock.advance(2_000)
    expect(events.length).toBe(told)
    expect(sink.ranges).toEqual([`${topicName('signals')} 0-1`])
  })

  describe('where nothing comes', () => {
    // Two pumps with four fetches a second to every leader took 2 % of a core for nothing.
    async function quietPump(): Promise<{ sink: Sink; fetches: () => number }> {
      let fetches = 0
      const sink = new Sink()
      const bend = (inner: Transport): Transport => {
        return (api, request, limits) => {
          if (api === 'fetch') fetches++
          return inner(api, request, limits)
        }
      }
      pump((topic) => topic === 'telemetry', bend).subscribe(SPEC, sink, START)
      await clock.advance(5_000)
      return { sink, fetches: () => fetches }
    }

    test('it asks once a second', async () => {
      const { fetches } = await quietPump()
      const before = fetches()
      await clock.advance(20_000)
      expect(fetches() - before).toBeGreaterThanOrEqual(19)
      expect(fetches() - before).toBeLessThanOrEqual(21)
    })

    test.each([130, 400, 990, 1_700, 3_333])(
      'a task that is due in %d ms is told soon how things stood then',
      async (inMs) => {
        // Silence may be judged up to the time for which its topics are known to be read.
        const { sink } = await quietPump()
        sink.dueMs = clock.monotonicMs() + inMs
        await clock.advance(inMs + 1_300)
        const first = sink.sentMs.find((sentMs) => sentMs >= sink.dueMs)
        const late = inMs < 1_000 ? 1_000 : 5
        expect((first ?? Infinity) - sink.dueMs).toBeLessThanOrEqual(late)
      },
    )

    test('while a task is overdue it asks as often as where things happen', async () => {
      const { sink, fetches } = await quietPump()
      sink.dueMs = clock.monotonicMs()
      await clock.advance(1_000)
      const before = fetches()
      await clock.advance(4_000)
      expect(fetches() - before).toBeGreaterThanOrEqual(15)
    })

    test('what comes is told at once, and it asks often again', async () => {
      const { sink, fetches } = await quietPump()
      await clock.advance(300)
      await send('telemetry', 1)
      await clock.advance(10)
      expect(sink.ranges).toEqual([`${topicName('telemetry')} 0-1`])
      // The next fetch was under way with the news.
      await clock.advance(1_000)
      const before = fetches()
      await clock.advance(900)
      expect(fetches() - before).toBeGreaterThanOrEqual(3)
    })
  })
})
