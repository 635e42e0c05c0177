// A replay: one entry after another, of any kind, for as long as the journal grows; handed on in
// the middle; with the first difference kept until a person accepts it.
import { afterEach, describe, expect, test } from 'vitest'
import type { GapEntry, JournalEntry } from '../../src/contracts/journal.ts'
import { Chain } from '../../src/runtime/chain.ts'
import { JournalReader } from '../../src/runtime/journal.ts'
import { Replay, stateDigestOf } from '../../src/runtime/replay.ts'
import { Standby } from '../../src/runtime/standby.ts'
import { EngineRig } from '../support/engine-rig.ts'
import {
  comparable,
  folded,
  heavyToy,
  NEVER,
  noted,
  OFTEN,
  replayOptions,
  restored,
  steps,
  written,
} from '../support/snapshots.ts'

const JOURNAL = { topic: 'hs.journal', partition: 0 }
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

/** Written by a person's tool, while nobody runs the task. */
async function append(cluster: EngineRig, entries: readonly JournalEntry[]): Promise<void> {
  const tip = (await cluster.journal()).at(-1)?.hash ?? new Uint8Array(32)
  const writer = cluster.log.writer({
    transactionalId: 'hs.s0',
    transactionTimeoutMs: 5_000,
    deadlineMs: 4_000,
  })
  await cluster.run(writer.fence())
  await cluster.run(new Chain(writer, cluster.clock, { at: JOURNAL, tip }).append([], entries))
  await cluster.run(writer.close())
  // A commit is answered a moment before everybody sees it.
  await cluster.clock.advance(100)
}

/** Results that were sent and deleted before they were used; returns the entry that says so. */
async function lost(cluster: EngineRig): Promise<GapEntry> {
  await cluster.send('results', ['lost', 'lost too'])
  const admin = cluster.log.admin()
  await cluster.run(admin.deleteRecords({ topic: 'hs.results', partition: 0 }, 2))
  await cluster.run(admin.close())
  return { kind: 'gap', topic: 'results', partition: 0, from: 0, to: 2, by: 'an operator' }
}

describe('a replay', () => {
  test('follows a journal as it grows, and can be handed on in between', async () => {
    const cluster = await rig()
    const worker = await cluster.worker({ toy: heavyToy(), snapshots: NEVER })
    const replay = new Replay(replayOptions(cluster), null)
    const reader = new JournalReader(cluster.log, JOURNAL)
    const follow = async (): Promise<void> => {
      for (const chained of await cluster.run(reader.poll(10))) await replay.next(chained)
    }
    for (let i = 0; i < 6; i++) {
      await steps(cluster, 5, 5 * i)
      replay.bind(new AbortController().signal)
      await cluster.run(follow())
      const found = await folded(cluster)
      if (found.seq === replay.seq)
        expect(Buffer.compare(replay.stateDigest(), found.stateDigest)).toBe(0)
    }
    worker.kill()
    await cluster.clock.advance(1_000)
    await cluster.run(follow())
    expect(reader.caughtUp).toBe(true)
    expect(replay.divergence).toBe(null)
    const done = replay.done('healstream')
    expect(comparable(done)).toEqual(comparable(await folded(cluster)))
    expect(Buffer.compare(stateDigestOf(done.core), done.stateDigest)).toBe(0)
    await cluster.run(replay.close())
    await cluster.run(reader.close())
  })

  test('takes upgrades, gaps and overrides, cold, from a snapshot and as a standby', async () => {
    const cluster = await rig()
    const first = await cluster.worker({ toy: heavyToy(), snapshots: OFTEN })
    const { instruments, events } = noted()
    const standby = new Standby({ turn: Promise.resolve(), ...replayOptions(cluster), instruments })
    await steps(cluster, 10)
    await cluster.until('all is used', () => cluster.drained())
    first.kill()
    await cluster.clock.advance(3_000)
    const gap = await lost(cluster)
    await append(cluster, [
      { kind: 'override', why: 'a test', who: 'an operator' },
      { kind: 'upgrade', behaviour: 1, format: 2 },
      gap,
    ])
    const before = await folded(cluster)
    expect(before.positions).toContain(gap.to)
    const second = await cluster.worker({ toy: heavyToy(), snapshots: OFTEN })
    await cluster.until('it writes a snapshot of what it restored', async () => {
      await steps(cluster, 3)
      return written(second).length > 0
    })
    second.kill()
    await cluster.clock.advance(2_000)
    const whole = comparable(await folded(cluster))
    expect(comparable((await restored(cluster)).restored)).toEqual(whole)
    const warm = await cluster.run(standby.handOver())
    expect(warm).not.toBe(null)
    expect(comparable((await restored(cluster, { warm })).restored)).toEqual(whole)
    expect(events).toEqual([])
  })

  test('keeps the first difference until an override behind it', async () => {
    const cluster = await rig()
    const worker = await cluster.worker({ toy: heavyToy(), snapshots: NEVER })
    await steps(cluster, 12)
    await cluster.until('all is used', () => cluster.drained())
    worker.kill()
    await cluster.clock.advance(6_000)
    const other = heavyToy()
    other.flavour = ' otherwise'
    await expect(restored(cluster, { toy: other })).rejects.toMatchObject({ code: 'HS_DIVERGED' })
    await append(cluster, [{ kind: 'override', why: 'a test', who: 'an operator' }])
    const again = await restored(cluster, { toy: other })
    expect(again.restored.seq).toBeGreaterThan(10)
  })

  test('adds up what it stepped, and nothing before its snapshot', async () => {
    const cluster = await rig()
    const worker = await cluster.worker({ toy: heavyToy(), snapshots: NEVER })
    await steps(cluster, 12)
    await cluster.until('all is used', () => cluster.drained())
    worker.kill()
    const { tail, seq } = await folded(cluster)
    expect(tail).toMatchObject({ steps: seq, records: 12 })
    expect(tail.bytes).toBeGreaterThan(12 * 60)
  })
})
