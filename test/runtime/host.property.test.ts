// Random schedules: workers start, are killed at random places of a commit, pause, come back, lose
// the log for a while; records keep coming on three partitions, one in nineteen of them poison.
// In the end everything was used exactly once and what was said is the single-threaded fold of
// the journal, on every partition. A failing run prints its seed and its shrunken schedule.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Transport } from '../../src/adapters/client/protocol.ts'
import { type Fault, OUTAGES, type Outage, PLACES } from '../support/bend.ts'
import { EngineRig, type RigWorker } from '../support/engine-rig.ts'

const PARTITIONS = 3
const WORKERS_MAX = 3

type Event =
  | { readonly do: 'send'; readonly partition: number; readonly topic: Topic; readonly n: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'start' }
  | { readonly do: 'kill' | 'pause'; readonly worker: number; readonly place: string }
  | { readonly do: 'outage'; readonly worker: number; readonly kind: string; readonly ms: number }

type Topic = 'signals' | 'telemetry' | 'results' | 'policies'

const worker = fc.nat({ max: WORKERS_MAX - 1 })
const place = fc.constantFrom('at once', ...Object.keys(PLACES))
const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      partition: fc.nat({ max: PARTITIONS - 1 }),
      topic: fc.constantFrom<Topic>('signals', 'telemetry', 'results', 'policies'),
      n: fc.integer({ min: 1, max: 5 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.nat({ max: 3_000 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('start' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('kill' as const, 'pause' as const), worker, place }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('outage' as const),
      worker,
      kind: fc.constantFrom(...Object.keys(OUTAGES)),
      ms: fc.integer({ min: 100, max: 9_000 }),
    }),
  },
)

class Player {
  readonly rig: EngineRig = new EngineRig(PARTITIONS)
  #alive: { worker: RigWorker; faults: Map<string, Fault>; outages: Map<string, Outage> }[] = []
  #paused: RigWorker[] = []
  #count = 0

  async play(event: Event): Promise<void> {
    switch (event.do) {
      case 'send': {
        const values = Array.from({ length: event.n }, () => {
          const n = ++this.#count
          if (n % 19 === 0) return 'boom'
          return n % 3 === 0 ? `u${n}` : `v${n}`
        })
        await this.rig.send(event.topic, values, event.partition)
        return
      }
      case 'pass':
        await this.rig.clock.advance(event.ms)
        return
      case 'start':
        if (this.#alive.length < WORKERS_MAX) await this.start()
        return
      case 'outage': {
        const outage = this.#alive[event.worker]?.outages.get(event.kind)
        if (outage === undefined) return
        outage.begin()
        await this.rig.clock.advance(event.ms)
        outage.end()
        return
      }
      case 'kill':
      case 'pause':
        this.#strike(event)
    }
  }

  async start(): Promise<void> {
    const hit = { strike: (): void => undefined }
    const faults = new Map(
      Object.entries(PLACES).map(([name, make]) => [name, make(() => hit.strike())]),
    )
    const outages = new Map(Object.entries(OUTAGES).map(([name, make]) => [name, make()]))
    const bends = [...faults.values(), ...outages.values()].map(({ bend }) => bend)
    const bend = (inner: Transport): Transport => bends.reduce((t, wrap) => wrap(t), inner)
    const started = await this.rig.worker({ bend })
    this.#alive.push({ worker: started, faults, outages })
    hit.strike = () => this.#gone(started)
  }

  /** Where the schedule ends: whoever is paused comes back, and somebody is there to work. */
  async settle(): Promise<void> {
    for (const { faults } of this.#alive) for (const fault of faults.values()) fault.disarm()
    for (const paused of this.#paused) paused.resume()
    if (this.#alive.length === 0) await this.start()
    for (let partition = 0; partition < PARTITIONS; partition++)
      await this.rig.until('all is used', () => this.rig.drained(partition), 120_000)
    await this.rig.clock.advance(15_000)
  }

  #strike(event: { do: 'kill' | 'pause'; worker: number; place: string }): void {
    const one = this.#alive[event.worker]
    if (one === undefined) return
    if (event.do === 'pause') this.#paused.push(one.worker)
    const fault = one.faults.get(event.place)
    if (fault === undefined) this.#gone(one.worker)
    else fault.arm()
  }

  #gone(worker: RigWorker): void {
    if (this.#paused.includes(worker)) worker.pause()
    else worker.kill()
    this.#alive = this.#alive.filter((one) => one.worker !== worker)
  }
}

describe('any schedule of kills, pauses and outages', () => {
  test('ends in exactly once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 4, maxLength: 25 }), async (schedule) => {
        const player = new Player()
        try {
          await player.rig.init()
          await player.start()
          for (const one of schedule) await player.play(one)
          await player.settle()
          for (let partition = 0; partition < PARTITIONS; partition++)
            expect(await player.rig.problems(partition)).toEqual([])
        } finally {
          await player.rig.stop()
        }
      }),
      { numRuns: 40 },
    )
  })
})
