// Entries of a journal for people: a line each whatever is in them, and JSON that has it all.
import { expect, test } from 'vitest'
import { entryJson, entryLine } from '../../src/cli/show-journal.ts'
import { clusterId, taskId } from '../../src/contracts/ids.ts'
import type { JournalEntry } from '../../src/contracts/journal.ts'
import type { ChainedEntry } from '../../src/runtime/journal.ts'

const HASH = new Uint8Array(32).fill(0xab)
const AT = { topic: 'signals', partition: 3, offset: 17 } as const

const chained = (entry: JournalEntry): ChainedEntry => ({
  offset: 12,
  atMs: Date.UTC(2026, 0, 2, 3, 4, 5),
  entry,
  hash: HASH,
  previous: new Uint8Array(32),
})

const step = (seq: number, from: number, to: number) => ({
  seq,
  nowMs: 1_760_000_000_000 + seq,
  behind: seq > 5,
  asOf: [],
  slices: [{ topic: 'signals' as const, partition: 3, from, to, crc: 1 }],
})

const GENESIS = {
  kind: 'genesis',
  clusterId: clusterId('c'),
  task: taskId('s3'),
  partitions: 12,
  prefix: 'hs.',
  positions: [],
  behaviour: 1,
  format: 2,
  scale: 4,
  dev: true,
  atMs: 1,
  lastTip: null,
} as const
const FENCE: JournalEntry & { kind: 'fence' } = {
  kind: 'fence',
  gen: 4,
  member: 'm-1',
  group: 'g',
  generation: 9,
  attempt: 1,
  suspect: null,
  positions: [],
  stateDigest: HASH,
}

const STEPS: Omit<JournalEntry & { kind: 'steps' }, 'steps'> = {
  kind: 'steps',
  outputs: 2,
  outputsDigest: HASH,
  stateDigest: null,
  snapshot: null,
}

test.each<[JournalEntry, string]>([
  [GENESIS, 'cluster c, 12 partitions, behaviour 1, format 2, dev'],
  [{ ...GENESIS, dev: false, lastTip: { offset: 70, hash: HASH } }, 'after a loss (last entry'],
  [FENCE, 'gen 4 by m-1 (group g, generation 9)  #'],
  [{ ...FENCE, attempt: 3, suspect: AT }, 'attempt 3 at this place, tries signals-3@17 alone'],
  [{ ...STEPS, steps: [step(5, 1, 4), step(6, 4, 9)] }, '5 to 6 until'],
  [{ ...STEPS, steps: [step(5, 1, 4), step(6, 4, 9)] }, '(behind), signals-3 1→9, 2 outputs'],
  [{ ...STEPS, steps: [{ ...step(5, 0, 0), slices: [] }] }, 'no records'],
  [{ ...STEPS, steps: [], snapshot: 33 }, 'sign of life, snapshot at 33'],
  [{ ...STEPS, steps: [step(1, 0, 1)], stateDigest: HASH }, 'state abababababab'],
  [{ kind: 'skip', record: AT, from: 17, reason: 'Error: boom' }, 'signals-3@17 passed over: Err'],
  [{ kind: 'gap', topic: 'signals', partition: 3, from: 1, to: 5, by: 'ann' }, '1 to 5 accepted'],
  [{ kind: 'upgrade', behaviour: 2, format: 2 }, 'behaviour 2, format 2 from here on'],
  [{ kind: 'override', why: 'so', who: 'ann' }, 'differences before this are accepted by ann: so'],
])('%j', (entry, words) => {
  const line = entryLine(chained(entry))
  expect(line).toContain(words)
  expect(line).toContain(entry.kind)
  expect(line).toMatch(/#abababababab$/)
  const json: unknown = JSON.parse(JSON.stringify(entryJson(chained(entry))))
  expect(json).toMatchObject({ offset: 12, kind: entry.kind, hash: 'ab'.repeat(32) })
})

test('fields of JSON are named as everywhere, also those within others', () => {
  const json = entryJson(chained({ ...STEPS, steps: [step(5, 1, 4)], stateDigest: HASH }))
  expect(json).toMatchObject({
    at_ms: Date.UTC(2026, 0, 2, 3, 4, 5),
    outputs_digest: 'ab'.repeat(32),
    state_digest: 'ab'.repeat(32),
    snapshot: null,
    steps: [{ now_ms: 1_760_000_000_005, as_of: [], slices: [{ topic: 'signals', from: 1 }] }],
  })
})

test('words of others cannot write on the terminal', () => {
  const line = entryLine(chained({ kind: 'override', why: 'a\u001B[2Jb\nc', who: 'x\u202Ey' }))
  for (const odd of ['\u001B', '\n', '\u202E']) expect(line).not.toContain(odd)
})
