// Any history, any mix of snapshots that are left of it, any of them damaged: what a restore comes
// to is the fold from the genesis, byte for byte. A failing run prints its seed and its schedule.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EngineRig, type RigWorker } from '../support/engine-rig.ts'
import {
  comparable,
  folded,
  OFTEN,
  partOf,
  refusals,
  restored,
  SNAPSHOTS,
} from '../support/snapshots.ts'
import { type Tamper, tamperedLog } from '../support/tampered-log.ts'
import { createToy } from '../support/toy-core.ts'

type Event =
  | { readonly do: 'send'; readonly topic: Topic; readonly values: readonly string[] }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'kill' }

type Topic = 'signals' | 'telemetry' | 'results'

const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      topic: fc.constantFrom<Topic>('signals', 'telemetry', 'results'),
      values: fc.array(fc.constantFrom('a', 'b', 'urgent', 'tick 700', 'boom'), {
        minLength: 1,
        maxLength: 3,
      }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.nat({ max: 1_500 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('kill' as const) }) },
)

/** What becomes of the n-th record of the topic of snapshots. */
type Fate = 'kept' | 'gone' | 'damaged'
const fates = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constant<Fate>('kept') },
    { weight: 1, arbitrary: fc.constantFrom<Fate>('gone', 'damaged') },
  ),
  { minLength: 1, maxLength: 12 },
)

async function play(rig: EngineRig, events: readonly Event[]): Promise<void> {
  const start = (): Promise<RigWorker> => rig.worker({ toy: small(), snapshots: OFTEN })
  let worker = await start()
  for (const one of events) {
    if (one.do === 'send') await rig.send(one.topic, one.values)
    if (one.do === 'pass') await rig.clock.advance(one.ms)
    if (one.do !== 'kill') continue
    worker.kill()
    worker = await start()
  }
  await rig.until('all is used', () => rig.drained(), 120_000)
  worker.kill()
}

/** Its image is of two pieces. */
function small(): ReturnType<typeof createToy> {
  const toy = createToy()
  toy.ballast = 250_000
  return toy
}

function damaged(value: Buffer): Buffer {
  const part = partOf(value)
  if (part.header !== null)
    return Buffer.from(JSON.stringify({ ...part, header: { ...part.header, gen: 77 } }))
  const bytes = Buffer.from(String(part.bytes), 'base64')
  bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 0x80
  return Buffer.from(JSON.stringify({ ...part, bytes: bytes.toString('base64') }))
}

test('a restore from whatever is left is the fold from the genesis', async () => {
  let fromSnapshots = 0
  const history = fc.array(event, { minLength: 10, maxLength: 60 })
  await fc.assert(
    fc.asyncProperty(history, fc.array(fates, { minLength: 1, maxLength: 4 }), async (...of) => {
      const [events, mixes] = of
      const rig = new EngineRig()
      try {
        await rig.init()
        await play(rig, events)
        expect(await rig.problems()).toEqual([])
        const whole = comparable(await folded(rig, small()))
        for (const mix of mixes) {
          const seen = new Map<number, Fate>()
          const tamper: Tamper = {
            value: (topic, value, offset) => {
              if (topic !== SNAPSHOTS) return value
              const fate = seen.get(offset) ?? mix[seen.size % mix.length] ?? 'kept'
              seen.set(offset, fate)
              return fate === 'kept' ? value : fate === 'gone' ? null : damaged(value)
            },
          }
          const log = tamperedLog(rig.log, tamper)
          const outcome = await restored(rig, { log, toy: small() })
          expect(comparable(outcome.restored)).toEqual(whole)
          expect(refusals(outcome).every((why) => why === 'corrupt' || why === 'torn')).toBe(true)
          if (outcome.restored.tail.steps < outcome.restored.seq) fromSnapshots++
        }
      } finally {
        await rig.stop()
      }
    }),
    { numRuns: 15 },
  )
  expect(fromSnapshots).toBeGreaterThan(0)
}, 60_000)
