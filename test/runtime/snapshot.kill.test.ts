// Failure first: a worker is killed between every two requests of writing a snapshot, before and
// after each piece, the header and the entry that points at it; or stands still in the middle and
// comes back. Whoever takes over restores the one state that the journal says.
import { afterEach, describe, expect, test } from 'vitest'
import type { Transport } from '../../src/adapters/client/protocol.ts'
import { EngineRig, type RigWorker } from '../support/engine-rig.ts'
import { tamperedLog } from '../support/tampered-log.ts'
import {
  comparable,
  folded,
  heavyToy,
  OFTEN,
  refusals,
  restored,
  SNAPSHOTS,
  snapshotRecords,
  steps,
  withSnapshots,
  written,
} from '../support/snapshots.ts'

const rigs: EngineRig[] = []

async function rig(): Promise<EngineRig> {
  const made = new EngineRig()
  rigs.push(made)
  await made.init()
  return made
}

afterEach(async () => {
  for (const made of rigs.splice(0)) await made.stop()
})

/** Strikes at the n-th request from the first piece of a snapshot on. */
class AtRequest {
  readonly #n: number
  readonly #isAnswered: boolean
  readonly #hit: () => void
  #seen = -1
  struck = false

  constructor(n: number, isAnswered: boolean, hit: () => void) {
    this.#n = n
    this.#isAnswered = isAnswered
    this.#hit = hit
  }

  readonly bend: (inner: Transport) => Transport = (inner) => async (api, request, limits) => {
    const isSnapshot = api === 'produce' && JSON.stringify(request).includes(SNAPSHOTS)
    const counts = api === 'produce' || api === 'endTxn'
    if (this.#seen < 0 && !isSnapshot) return await inner(api, request, limits)
    if (counts) this.#seen++
    const isIt = counts && this.#seen === this.#n && !this.struck
    if (!isIt) return await inner(api, request, limits)
    this.struck = true
    if (!this.#isAnswered) this.#hit()
    const answer = await inner(api, request, limits)
    if (this.#isAnswered) this.#hit()
    return answer
  }
}

/** Three pieces, the header, the pointer: Produce and EndTxn of each. */
const REQUESTS = Array.from({ length: 10 }, (_, n) => n)
const STRIKES = [
  ...REQUESTS.map((n) => [n, 'before'] as const),
  // Before Produce is as after the EndTxn before it; that a commit happened unanswered is not.
  ...REQUESTS.filter((n) => n % 2 === 1).map((n) => [n, 'after'] as const),
]

describe('killed at a request of a snapshot', () => {
  test.each(STRIKES)('number %i, %s it arrives', async (n, when) => {
    const cluster = await rig()
    let victim: RigWorker | null = null
    const fault = new AtRequest(n, when === 'after', () => victim?.kill())
    victim = await cluster.worker({ toy: heavyToy(), snapshots: OFTEN, bend: fault.bend })
    for (let i = 0; !fault.struck; i++) await steps(cluster, 3, 3 * i)
    const second = await cluster.worker({ toy: heavyToy(), snapshots: OFTEN })
    await cluster.send('signals', ['urgent'])
    await cluster.until('the second uses it', () => cluster.drained())
    await cluster.until('and writes its own', async () => {
      await steps(cluster, 2)
      return written(second).length > 0
    })
    second.kill()
    expect(await cluster.problems()).toEqual([])
    const outcome = await restored(cluster)
    expect(refusals(outcome)).toEqual([])
    expect(comparable(outcome.restored)).toEqual(comparable(await folded(cluster)))
    expect(outcome.restored.tail.steps).toBeLessThan(outcome.restored.seq)
  })
})

test('a zombie that comes back in the middle of its snapshot never finishes it', async () => {
  const cluster = await rig()
  let zombie: RigWorker | null = null
  const fault = new AtRequest(3, false, () => zombie?.pause())
  zombie = await cluster.worker({ toy: heavyToy(), snapshots: OFTEN, bend: fault.bend })
  const paused = zombie
  for (let i = 0; !fault.struck; i++) await steps(cluster, 3, 3 * i)
  const second = await cluster.worker({ toy: heavyToy(), snapshots: OFTEN })
  await cluster.until('the second writes its own', async () => {
    await steps(cluster, 2)
    return written(second).length > 0
  })
  paused.resume()
  await steps(cluster, 30)
  const parts = await snapshotRecords(cluster)
  const begun = parts.filter(({ snapshot_id }) => snapshot_id.startsWith('s0-1-'))
  expect(begun.length).toBeGreaterThan(0)
  expect(begun.every(({ header }) => header === null)).toBe(true)
  expect(await cluster.problems()).toEqual([])
  const outcome = await restored(cluster)
  expect(refusals(outcome)).toEqual([])
  expect(comparable(outcome.restored)).toEqual(comparable(await folded(cluster)))
})

test('pieces of two snapshots between one another are two snapshots', async () => {
  // Two lives wrote at the same time, as it looks in the topic: nothing but the id tells.
  const cluster = await rig()
  const worker = await withSnapshots(cluster, 3)
  worker.kill()
  const records = await cluster.records('snapshots')
  const offsets = records.map(({ offset }) => offset)
  // Of the first: 0, 1, 2 and the header 3; of the second: 4, 5, 6 and 7.
  const seen = [0, 1, null, null, 4, 2, 5, 6, 3, 7]
  const log = tamperedLog(cluster.log, {
    value: (topic, value, offset) => {
      if (topic !== SNAPSHOTS) return value
      const which = seen[offsets.indexOf(offset)] ?? null
      return which === null ? null : Buffer.from(records[which]?.value ?? [])
    },
  })
  const both = await restored(cluster, { log })
  expect(refusals(both)).toEqual([])
  expect(both.restored.tail.steps).toBeLessThan(both.restored.seq)
  expect(comparable(both.restored)).toEqual(comparable(await folded(cluster)))
  seen[9] = null
  const first = await restored(cluster, { log })
  expect(refusals(first)).toEqual([])
  expect(first.restored.tail.steps).toBeGreaterThan(both.restored.tail.steps)
  expect(first.restored.tail.steps).toBeLessThan(first.restored.seq)
})
