// A topic with two replicas of which one may lag (min.insync.replicas=1, unclean election allowed)
// lost its leader; the other was elected without the last 200 records, and within a second had more
// of new ones. The reader's next position existed again, so it read on: steps had been made of
// records that were no more, those in their places were never stepped, and nobody was told. Since
// then every new leader is asked first whether its log is the one that was read.
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Fetched, LogReader } from '../../../src/runtime/ports.ts'
import { copyRecords } from '../../../src/runtime/record-batch.ts'
import { AT, Elections } from '../../support/elections.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

let clock: VirtualClock
let cluster: Elections
let reader: LogReader

beforeEach(() => {
  clock = new VirtualClock()
  cluster = new Elections(2)
  reader = cluster.reader(clock)
})

const textsOf = (fetched: readonly Fetched[]): string[] =>
  fetched.flatMap(({ batches, from }) =>
    batches.flatMap((batch) =>
      copyRecords(batch, from).map(({ value }) => new TextDecoder().decode(value ?? undefined)),
    ),
  )

async function poll(from: LogReader = reader): Promise<string[]> {
  return textsOf(await clock.run(from.poll(50)))
}

/** What polls bring until there was nothing new. */
async function drained(): Promise<string[]> {
  const all: string[] = []
  for (let quiet = 0; quiet < 3; ) {
    const texts = await poll()
    all.push(...texts)
    quiet = texts.length === 0 ? quiet + 1 : 0
  }
  return all
}

describe('a new leader', () => {
  beforeEach(async () => {
    reader.assign(AT, 0)
    cluster.write('a', 'b')
    cluster.follow(1)
    expect(await drained()).toEqual(['a', 'b'])
  })

  test('with all that was read is read on, asked once', async () => {
    cluster.elect(1)
    cluster.write('c')
    expect(await drained()).toEqual(['c'])
    expect(cluster.asked).toEqual(['1@2'])
  })

  test('without what was read, and more records than that: the position is lost', async () => {
    cluster.write('c', 'd')
    expect(await drained()).toEqual(['c', 'd'])
    cluster.elect(1)
    cluster.write('x', 'y', 'z')
    for (let again = 0; again < 3; again++)
      await expect(drained()).rejects.toMatchObject({
        code: 'POSITION_LOST',
        at: AT,
        message: expect.stringMatching(/position 4 of t\/0 .* epoch 1 .* epoch 2 .* offset 2 /),
      })
  })

  test('without what was read, and nothing behind it', async () => {
    cluster.write('c')
    expect(await drained()).toEqual(['c'])
    cluster.elect(1)
    await expect(drained()).rejects.toMatchObject({ code: 'POSITION_LOST', at: AT })
  })

  test('that was the leader before, and came back without its last records', async () => {
    cluster.write('c')
    expect(await drained()).toEqual(['c'])
    cluster.follow(1, 2)
    cluster.elect(1)
    cluster.follow(0)
    cluster.elect(0)
    cluster.write('x', 'y')
    await expect(drained()).rejects.toMatchObject({ code: 'POSITION_LOST', at: AT })
  })

  test('is asked also where the partition was given back meanwhile', async () => {
    cluster.write('c')
    expect(await drained()).toEqual(['c'])
    const position = reader.position(AT) ?? -1
    reader.unassign(AT)
    cluster.elect(1)
    cluster.write('x', 'y')
    reader.assign(AT, position)
    await expect(drained()).rejects.toMatchObject({ code: 'POSITION_LOST', at: AT })
    // Whoever begins again where both logs are the same loses nothing.
    reader.assign(AT, 2)
    expect(await drained()).toEqual(['x', 'y'])
  })

  test('that has other records of a leader between, whose number is the same', async () => {
    // Replica 1 has offset 2 of epoch 1, which 0 never had: 0 wrote its own there in epoch 2.
    cluster.elect(0)
    cluster.write('c')
    expect(await drained()).toEqual(['c'])
    cluster.replicas[1]?.records.push({ epoch: 1, text: 'other' })
    cluster.elect(1)
    cluster.write('x')
    await expect(drained()).rejects.toMatchObject({
      code: 'POSITION_LOST',
      message: expect.stringContaining('has them up to offset none'),
    })
  })
})

test('of a compacted topic an epoch may be gone with all its records', async () => {
  cluster.compacted = true
  reader.assign(AT, 0)
  cluster.write('a')
  cluster.elect(0)
  cluster.write('b')
  expect(await drained()).toEqual(['a', 'b'])
  // A replica that was made anew has never heard of epoch 2.
  cluster.follow(1)
  const [first] = cluster.replicas[1]?.epochs ?? []
  if (first !== undefined) cluster.replicas[1]?.epochs.splice(0, 2, first)
  cluster.elect(1)
  cluster.write('c')
  expect(await drained()).toEqual(['c'])
})

test('a reader that has not read what is before its position has to find it there', async () => {
  cluster.write('a', 'b', 'c')
  cluster.follow(1, 1)
  reader.assign(AT, 3)
  expect(await drained()).toEqual([])
  cluster.elect(1)
  cluster.write('x', 'y', 'z')
  await expect(drained()).rejects.toMatchObject({ code: 'POSITION_LOST', at: AT })
})

// A worker's standby had read the records that were lost; the task came to it with its state, and
// another reader of the same process read on where the standby had stood, and noticed nothing.
test('what one reader has read another one of the client has to find, too', async () => {
  const client = cluster.client(clock)
  const open = (): LogReader => client.reader({ isolation: 'read_committed' })
  const [standby, owner, late] = [open(), open(), open()]
  standby.assign(AT, 0)
  cluster.write('a', 'b', 'c')
  cluster.follow(1, 2)
  expect(await poll(standby)).toEqual(['a', 'b', 'c'])
  await standby.close()
  cluster.elect(1)
  cluster.write('x', 'y')
  owner.assign(AT, 3)
  await expect(poll(owner)).rejects.toMatchObject({ code: 'POSITION_LOST', at: AT })
  late.assign(AT, 2)
  expect(await poll(late)).toEqual(['x', 'y'])
  for (const one of [owner, late]) await one.close()
})

/** Elections of anybody, writes, followers cut anywhere; a poll after each. */
const moves = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('elect'), node: fc.nat(2), count: fc.constant(0) }),
    fc.record({
      kind: fc.constant('write'),
      node: fc.constant(0),
      count: fc.integer({ min: 1, max: 3 }),
    }),
    fc.record({ kind: fc.constant('follow'), node: fc.nat(2), count: fc.nat(12) }),
    fc.record({ kind: fc.constant('idle'), node: fc.constant(0), count: fc.constant(0) }),
  ),
  { maxLength: 25 },
)

test('whatever is elected: what was read is in the log, or the position is lost', async () => {
  let lost = 0
  await fc.assert(
    fc.asyncProperty(moves, async (all) => {
      clock = new VirtualClock()
      cluster = new Elections(3)
      reader = cluster.reader(clock)
      reader.assign(AT, 0)
      const seen: string[] = []
      let next = 0
      for (const { kind, node, count } of all) {
        if (kind === 'elect') cluster.elect(node)
        if (kind === 'follow') cluster.follow(node, Math.min(count, cluster.log.length))
        if (kind === 'write') cluster.write(...Array.from({ length: count }, () => `r${next++}`))
        if (kind === 'idle') continue
        const held = cluster.log.map(({ text }) => text)
        try {
          seen.push(...(await drained()))
        } catch (error) {
          expect(error).toMatchObject({ code: 'POSITION_LOST' })
          expect(held.slice(0, seen.length)).not.toEqual(seen)
          lost++
          return
        }
        expect(seen).toEqual(held)
      }
    }),
    { numRuns: 300 },
  )
  // Otherwise nothing was tried.
  expect(lost).toBeGreaterThan(10)
})

// A broker was restarted, and what its clients knew of leaders was an epoch old: the first poll of
// every new reader failed, one topic after the other, and so did one restore after the other.
describe('a leader whose epoch is over', () => {
  beforeEach(() => {
    cluster.write('a')
    reader.assign(AT, 0)
  })

  test('is looked for anew in the same poll', async () => {
    cluster.tellOld(1)
    cluster.elect(0)
    expect(await poll()).toEqual(['a'])
  })

  test('that is told of for ever is no leader that answers', async () => {
    cluster.tellOld(Number.POSITIVE_INFINITY)
    cluster.elect(0)
    await expect(poll()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })
})
