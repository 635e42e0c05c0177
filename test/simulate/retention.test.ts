// What retention may take away in a run: everything but the newest whole images and what comes
// behind them in the journal. A piece that rotted on its way makes an image none.
import { describe, expect, test } from 'vitest'
import { createMemoryLog } from '../../src/adapters/memory/memory-log.ts'
import { createSerde } from '../../src/adapters/serde/serde.ts'
import { clusterId, taskId } from '../../src/contracts/ids.ts'
import type { SnapshotHeader, SnapshotPart } from '../../src/contracts/records.ts'
import { topicName, type TopicKind } from '../../src/contracts/topics.ts'
import { encodeUtf8 } from '../../src/contracts/utf8.ts'
import { printOf } from '../../src/roles/simulate/batches.ts'
import { campaign } from '../../src/roles/simulate/campaign.ts'
import { checkedTasks } from '../../src/roles/simulate/checked-tasks.ts'
import { directTo } from '../../src/roles/simulate/direct.ts'
import { type Cut, Retention } from '../../src/roles/simulate/retention.ts'

const PREFIX = 'hs.'
const FOREVER = { 'retention.ms': '-1' }
/** What 's0' has, record by record; of an image its pieces, then its header. */
const TOPICS = {
  journal: { kind: 'journal', images: [] },
  snapshots: {
    kind: 'snapshots',
    images: [
      { id: 'a', step: 3, pieces: 2 },
      { id: 'b', step: 5, pieces: 1 },
    ],
  },
  checkpoints: {
    kind: 'checkpoints',
    images: [
      { id: 'x', step: 1, pieces: 2 },
      { id: 'c', step: 7, pieces: 2 },
    ],
  },
} as const
const ALL: Cut = { task: 0, keep: 1, share: 1, isBehind: false }

type Starts = Record<keyof typeof TOPICS, number>

/** A step's entry of the journal has the step's number. */
function headerOf(step: number, parts: number): SnapshotHeader {
  return {
    cluster_id: clusterId('c'),
    task: taskId('s0'),
    gen: 1,
    step_seq: step,
    journal_offset: step,
    format: 2,
    behaviour: 2,
    parts,
    size_bytes: parts,
    sha256: '',
    state_digest: '',
    positions: [],
    journal_hash: '',
    head_bytes: 0,
    first_offset: 0,
    prefix: PREFIX,
    at_ms: 0,
  }
}

interface Made {
  readonly cut: (what: Cut) => Promise<void>
  readonly retention: Retention
  readonly starts: () => Promise<Starts>
  readonly at: { ms: number }
  /** Where everything began when a cut was about to be made. */
  readonly looks: Starts[]
}

async function made({ entries = 10, isNewestRotten = false } = {}): Promise<Made> {
  const serde = await createSerde()
  const log = createMemoryLog()
  const admin = log.admin()
  const producer = log.producer({ deadlineMs: 5_000 })
  const placeOf = (kind: TopicKind): { readonly topic: string; readonly partition: number } => {
    return { topic: topicName(kind, PREFIX), partition: 0 }
  }
  const rotten = new Set<number>()
  const write = async (kind: TopicKind, value: Uint8Array): Promise<void> => {
    await producer.send([{ ...placeOf(kind), key: null, value, timestampMs: 1 }])
  }
  for (const { kind, images } of Object.values(TOPICS)) {
    await admin.createTopics([{ topic: topicName(kind, PREFIX), partitions: 1, config: FOREVER }])
    for (const { id, step, pieces } of images)
      for (let index = 0; index <= pieces; index++) {
        const header = index === pieces ? headerOf(step, pieces) : null
        const part: SnapshotPart = { snapshot_id: id, index, bytes: Uint8Array.of(step), header }
        const value = serde.encode('snapshots', part)
        if (isNewestRotten && id === 'c' && index === 0) rotten.add(printOf(value))
        await write(kind, value)
      }
  }
  for (let i = 0; i < entries; i++) await write('journal', encodeUtf8(`entry ${i}`))
  const starts = async (): Promise<Starts> => {
    const kinds = ['journal', 'snapshots', 'checkpoints'] as const
    const found = await admin.offsets(kinds.map(placeOf), 'earliest', 'read_committed')
    const [journal = -1, snapshots = -1, checkpoints = -1] = found
    return { journal, snapshots, checkpoints }
  }
  const at = { ms: 0 }
  const looks: Starts[] = []
  const retention = new Retention({
    ask: directTo(log),
    decoder: serde,
    prefix: PREFIX,
    tasks: checkedTasks(1),
    isRotten: (print) => rotten.has(print),
    nowMs: () => at.ms,
    lastLook: async () => {
      looks.push(await starts())
    },
    say: () => undefined,
  })
  return { cut: (what) => retention.cut(what), retention, starts, at, looks }
}

describe('a cut', () => {
  test('leaves the newest image and its entry of the journal', async () => {
    const { cut, starts } = await made()
    await cut(ALL)
    expect(await starts()).toEqual({ journal: 7, snapshots: 5, checkpoints: 3 })
  })

  test('takes the entry too where the journal goes on behind it', async () => {
    const { cut, starts } = await made()
    await cut({ ...ALL, isBehind: true })
    expect(await starts()).toEqual({ journal: 8, snapshots: 5, checkpoints: 3 })
  })

  test('leaves the last entry of a journal, whatever is drawn', async () => {
    const { cut, starts } = await made({ entries: 8 })
    await cut({ ...ALL, isBehind: true })
    expect((await starts()).journal).toBe(7)
  })

  test('leaves two images, in two topics', async () => {
    const { cut, starts } = await made()
    await cut({ ...ALL, keep: 2 })
    expect(await starts()).toEqual({ journal: 5, snapshots: 3, checkpoints: 3 })
  })

  test('takes less than it may', async () => {
    const { cut, starts } = await made()
    await cut({ ...ALL, share: 0.5 })
    expect(await starts()).toEqual({ journal: 3, snapshots: 2, checkpoints: 1 })
  })

  test('takes nothing where there are too few images', async () => {
    const { cut, starts, retention } = await made()
    await cut({ ...ALL, keep: 5 })
    expect(await starts()).toEqual({ journal: 0, snapshots: 0, checkpoints: 0 })
    expect(retention.counts.cuts).toBe(0)
  })

  test('does not count on an image of which a piece has rotted', async () => {
    const { cut, starts } = await made({ isNewestRotten: true })
    await cut(ALL)
    expect(await starts()).toEqual({ journal: 5, snapshots: 3, checkpoints: 3 })
  })

  test('is looked at before, and counts the cold restores that began after it', async () => {
    const { cut, retention, at, looks } = await made()
    await cut(ALL)
    expect(looks).toEqual([{ journal: 0, snapshots: 0, checkpoints: 0 }])
    at.ms = 1_000
    retention.restored('s0', { ms: 1_000, isWarm: false })
    retention.restored('s0', { ms: 900, isWarm: true })
    retention.restored('fleet', { ms: 900, isWarm: false })
    expect(retention.counts).toEqual({ cuts: 1, restoresBehindCut: 0 })
    retention.restored('s0', { ms: 900, isWarm: false })
    expect(retention.counts).toEqual({ cuts: 1, restoresBehindCut: 1 })
  })
})

test('journals without a beginning are restored in a run', async () => {
  const report = await campaign({ seed: 4, seeds: 1, forMs: 120_000 })
  expect(report.failures).toEqual([])
  expect(report.counts['cuts']).toBeGreaterThan(0)
  expect(report.counts['restoresBehindCut']).toBeGreaterThan(0)
})
