// Each check finds the error that was planted for it, in a recording in which nothing is wrong: a
// checker that finds nothing in a thousand runs proves nothing unless it could have.
import { createHash } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import type { JournalEntry } from '../../../src/contracts/journal.ts'
import { decodeEntry, encodeEntry } from '../../../src/contracts/journal-codec.ts'
import type { TopicKind } from '../../../src/contracts/topics.ts'
import { encodeBatch } from '../../../src/runtime/record-batch-encode.ts'
import type { Act, Fact, Ok, Seen } from '../history.ts'
import { record, type Recording, type Stored } from '../recorded.ts'
import { type Batch, batchesOf, crc32c, isVisible, recordsOf, settle } from './batches.ts'
import { check } from './check.ts'
import { Collected } from './collect.ts'
import { CHECKS, type CheckName } from './violation.ts'

let clean: Recording
beforeAll(async () => {
  clean = await record()
}, 60_000)

const caught = new Set<CheckName>()

function found({ logs, lives }: Recording): ReadonlySet<CheckName> {
  const { violations } = check(new Collected(logs), lives, 1)
  for (const violation of violations) caught.add(violation.check)
  return new Set(violations.map((violation) => violation.check))
}

const sha256 = (bytes: Uint8Array): Uint8Array =>
  new Uint8Array(createHash('sha256').update(bytes).digest())

function fail(what: string): never {
  throw new Error(`the recording has no ${what}`)
}

const of = ({ logs }: Recording, topic: TopicKind): readonly Batch[] =>
  logs.find((log) => log.topic === topic)?.batches ?? []

/** The recording with other batches in one topic. */
function withBatches(
  topic: TopicKind,
  edit: (all: readonly Batch[]) => readonly Batch[],
): Recording {
  const logs = clean.logs.map(
    (log): Stored => (log.topic === topic ? { ...log, batches: edit(log.batches) } : log),
  )
  return { ...clean, logs }
}

/** The recording with other facts. */
const withFacts = (edit: (facts: readonly Fact[]) => readonly Fact[]): Recording => ({
  ...clean,
  lives: clean.lives.map(edit),
})

/** A batch with other bytes, sealed again. */
function changed(batch: Batch, edit: (bytes: Buffer) => void, seal = true): Batch {
  const bytes = Buffer.from(batch.bytes)
  edit(bytes)
  if (seal) bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17)
  return batchesOf(bytes)[0] ?? fail('batch')
}

const moved = (batch: Batch, base: number): Batch =>
  changed(batch, (bytes) => bytes.writeBigInt64BE(BigInt(base), 0))

/** The visible entries, changed, and chained again so that the chain does not tell. */
function withJournal(edit: (entry: JournalEntry, i: number) => JournalEntry | null): Recording {
  return withBatches('journal', (all) => {
    const records = settle(all).filter(isVisible)
    let previous: Uint8Array = new Uint8Array(32)
    let i = 0
    return records.flatMap(({ batch }) =>
      recordsOf(batch).flatMap(({ offset, value, timestampMs }) => {
        const entry = edit(decodeEntry(value ?? fail('entry'), sha256).entry, i++)
        if (entry === null) return []
        const encoded = encodeEntry(entry, previous, sha256)
        previous = encoded.hash
        const { producerId, producerEpoch } = batch
        const fields = { baseOffset: offset, producerId, producerEpoch }
        const one = { key: null, value: encoded.bytes, timestampMs }
        return batchesOf(Buffer.from(encodeBatch([one], fields, crc32c)))
      }),
    )
  })
}

const lastOf = <T>(all: readonly T[], what: string): T => all.at(-1) ?? fail(what)

const flipped = (hash: Uint8Array): Uint8Array => hash.map((byte, i) => (i === 0 ? byte ^ 1 : byte))

test('nothing is found in what is clean, and there was something to find', () => {
  const { violations, counts } = check(new Collected(clean.logs), clean.lives, 1)
  expect(violations).toEqual([])
  expect(counts.inputs).toBe(counts.acknowledged)
  expect(counts.inputs).toBeGreaterThan(1_000)
  expect(counts.commands).toBeGreaterThan(1)
  expect(counts.acts).toBeGreaterThan(1)
  expect(counts.aborted).toBeGreaterThan(0)
  expect(counts.lives).toBeGreaterThan(2)
})

describe('in the inputs', () => {
  test('an acknowledged record is missing', () => {
    const spoilt = withBatches('signals', (all) => all.slice(0, -1))
    expect(found(spoilt)).toContain('I1 lost-write')
  })

  test('an acknowledged record was never stepped', () => {
    const count = settle(of(clean, 'journal')).filter(isVisible).length
    const spoilt = withJournal((entry, i) => (i > count / 2 ? null : entry))
    expect(found(spoilt)).toContain('I1 unseen')
  })

  test('a record is there twice', () => {
    const spoilt = withBatches('telemetry', (all) => {
      const last = lastOf(all, 'telemetry')
      return [...all, moved(last, last.last + 1)]
    })
    expect(found(spoilt)).toContain('duplicate')
  })

  test('two batches have changed places', () => {
    const spoilt = withBatches('signals', ([a, b, ...rest]) => {
      if (a === undefined || b === undefined) return fail('signals')
      return [moved(b, 0), moved(a, b.count), ...rest]
    })
    const names = found(spoilt)
    expect(names).toContain('inconsistent-offsets')
    expect(names).toContain('I2 input-changed')
  })

  test('a byte has flipped, and a byte has flipped under a checksum made anew', () => {
    const flip = (seal: boolean): Recording =>
      withBatches('telemetry', (all) =>
        all.map((batch, i) =>
          i === 3
            ? changed(batch, (bytes) => bytes.writeUInt8(bytes.readUInt8(200) ^ 1, 200), seal)
            : batch,
        ),
      )
    expect(found(flip(false))).toContain('damaged')
    const names = found(flip(true))
    expect(names).not.toContain('damaged')
    expect(names).toContain('I1 lost-write')
    expect(names).toContain('inconsistent-offsets')
    expect(names).toContain('I2 input-changed')
  })

  test('what was refused is there all the same', () => {
    const spoilt = withFacts((facts) =>
      facts.map((fact) => {
        const { k, id, ms } = { id: -1, ...fact }
        return k === 'ok' && id === 9 ? { k: 'fail', id, ms, code: 'TOO_LARGE' } : fact
      }),
    )
    expect(found(spoilt)).toContain('failed-write-visible')
  })

  test('one after another, and the other way round in the log', () => {
    const spoilt = withFacts((facts) => {
      const tries = facts.filter((fact) => fact.k === 'try' && fact.by === 'signals shop1')
      const ids = tries.map((fact) => (fact.k === 'try' ? fact.id : 0))
      const [a, b] = facts.filter((f): f is Ok => f.k === 'ok' && ids.slice(1, 3).includes(f.id))
      if (a === undefined || b === undefined) return fail('two sends')
      const swap = new Map<Fact, Fact>([
        [a, { ...b, id: a.id }],
        [b, { ...a, id: b.id }],
      ])
      return facts.map((fact) => swap.get(fact) ?? fact)
    })
    expect(found(spoilt)).toContain('nonmonotonic-send')
  })
})

describe('in the journal', () => {
  test('an entry is gone, or one is there again', () => {
    const visible = (all: readonly Batch[]): readonly Batch[] =>
      all.filter(({ count }) => count > 0)
    const gone = withBatches('journal', (all) => visible(all).toSpliced(6, 1))
    expect(found(gone)).toContain('chain')
    const again = withBatches('journal', (all) => {
      const last = lastOf(settle(all).filter(isVisible), 'entry').batch
      const end = lastOf(all, 'entry').last + 1
      return [...all, moved(last, end), moved(lastOf(all, 'marker'), end + 1)]
    })
    expect(found(again)).toContain('chain')
  })

  test('a step again, in a chain that holds', () => {
    const spoilt = withJournal((entry) => {
      if (entry.kind !== 'steps' || entry.steps.length < 2) return entry
      const [first, ...rest] = entry.steps
      if (first === undefined) return entry
      return { ...entry, steps: [first, first, ...rest] }
    })
    const names = found(spoilt)
    expect(names.has('chain') || names.has('I2 input-order')).toBe(true)
  })

  test('a lower gen after a higher one', () => {
    const spoilt = withJournal((entry) =>
      entry.kind === 'fence' && entry.gen > 1 ? { ...entry, gen: entry.gen - 1 } : entry,
    )
    expect(found(spoilt)).toContain('I4 epochs')
  })

  test('a writer again that was followed', () => {
    const spoilt = withBatches('journal', (all) => {
      const first = settle(all).find(isVisible)
      const last = lastOf(settle(all).filter(isVisible), 'entry').batch
      const { producerId, producerEpoch } = first?.batch ?? fail('entry')
      return all.map((batch) =>
        batch.base < last.base
          ? batch
          : changed(batch, (bytes) => {
              bytes.writeBigInt64BE(BigInt(producerId), 43)
              bytes.writeInt16BE(producerEpoch, 51)
            }),
      )
    })
    expect(found(spoilt)).toContain('I4 epochs')
  })

  test('a state that is not the fold’s', () => {
    const spoilt = withJournal((entry) =>
      entry.kind === 'fence' ? { ...entry, stateDigest: flipped(entry.stateDigest) } : entry,
    )
    expect(found(spoilt)).toContain('I5 state')
  })

  test('outputs that are not the fold’s, and a step at another time', () => {
    const other = withJournal((entry) =>
      entry.kind === 'steps' && entry.outputs > 0
        ? { ...entry, outputsDigest: flipped(entry.outputsDigest) }
        : entry,
    )
    expect(found(other)).toContain('I8 replay')
    const later = withJournal((entry) =>
      entry.kind === 'steps' && entry.outputs > 0
        ? { ...entry, steps: entry.steps.map((step) => ({ ...step, nowMs: step.nowMs + 1 })) }
        : entry,
    )
    expect(found(later)).toContain('I8 replay')
  })

  test('a snapshot that is not there', () => {
    const spoilt = withJournal((entry) =>
      entry.kind === 'steps' && entry.outputs > 0 ? { ...entry, snapshot: 987_654 } : entry,
    )
    expect(found(spoilt)).toContain('snapshot')
  })
})

test('information flows in a circle', () => {
  const answers = settle(of(clean, 'fleet')).filter(isVisible)
  const { last } = lastOf(answers, 'answer of the fleet task').batch
  const early = { topic: 'fleet', partition: 0, from: last, to: last + 1, crc: 0 } as const
  let isPlanted = false
  const spoilt = withJournal((entry) => {
    const [step, ...rest] = entry.kind === 'steps' ? entry.steps : []
    if (isPlanted || entry.kind !== 'steps' || step === undefined) return entry
    isPlanted = true
    return { ...entry, steps: [{ ...step, slices: [...step.slices, early] }, ...rest] }
  })
  expect(found(spoilt)).toContain('G1c')
})

describe('in the outputs', () => {
  const outputs = (all: readonly Batch[]): readonly Batch[] =>
    settle(all)
      .filter(isVisible)
      .map(({ batch }) => batch)

  test('one is missing, one is there twice, two have changed places', () => {
    const [first, second] = outputs(of(clean, 'health'))
    if (first === undefined || second === undefined) fail('two outputs')
    const gone = withBatches('health', (all) => all.filter((batch) => batch !== first))
    expect(found(gone)).toContain('I3 outputs')
    const end = lastOf(of(clean, 'health'), 'health').last + 1
    const marker = lastOf(of(clean, 'health'), 'marker')
    const twice = withBatches('health', (all) => [
      ...all,
      moved(second, end),
      moved(marker, end + 9),
    ])
    expect(found(twice)).toContain('duplicate')
    const swapped = withBatches('health', (all) =>
      all.map((batch) => {
        if (batch === first) return moved(second, first.base)
        return batch === second ? moved(first, second.base) : batch
      }),
    )
    expect(found(swapped)).toContain('I3 outputs')
  })

  test('a byte of a command is another', () => {
    const spoilt = withBatches('commands', (all) => {
      const last = lastOf(outputs(all), 'command')
      const at = last.bytes.length - 400
      return all.map((batch) =>
        batch === last
          ? changed(batch, (bytes) => bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at))
          : batch,
      )
    })
    expect(found(spoilt)).toContain('I3 outputs')
  })

  test('what was aborted has become visible', () => {
    const commit = (topic: TopicKind): Recording =>
      withBatches(topic, (all) =>
        all.map((batch) =>
          batch.marker === 'abort'
            ? changed(batch, (bytes) =>
                bytes.writeInt16BE(1, bytes.indexOf('0800000000', 61, 'hex') + 3),
              )
            : batch,
        ),
      )
    const topics = clean.logs.flatMap(({ topic, batches }) =>
      batches.some(({ marker }) => marker === 'abort') ? [topic] : [],
    )
    expect(topics).toContain('journal')
    expect(found(commit('journal'))).toContain('chain')
    const output = topics.find((topic) => topic !== 'journal') ?? fail('aborted output')
    const names = found(commit(output))
    expect(names.has('I3 outputs') || names.has('duplicate')).toBe(true)
  })
})

describe('in what was read along', () => {
  const isSeen = (fact: Fact): fact is Seen => fact.k === 'seen' && fact.topic === 'journal'

  /** With another fact in place of the tenth record of the journal that was read. */
  const tenth = (edit: (seen: Seen) => readonly Fact[]): Recording =>
    withFacts((facts) => {
      const one = facts.filter(isSeen)[9] ?? fail('tenth entry')
      return facts.flatMap((fact) => (fact === one ? edit(one) : [fact]))
    })

  test('an aborted record was read', () => {
    const aborted = settle(of(clean, 'journal')).find(({ fate }) => fate === 'aborted')
    const o = aborted?.batch.base ?? fail('aborted entry')
    expect(found(tenth((seen) => [seen, { ...seen, o }]))).toContain('G1a')
  })

  test('one was read before its transaction had ended', () => {
    const spoilt = tenth((seen) => [{ ...seen, ms: seen.ms - 3_000 }])
    expect(found(spoilt)).toContain('precommitted-read')
  })

  test('one was skipped, one read again, one had another value, one was nowhere', () => {
    expect(found(tenth(() => []))).toContain('poll-skip')
    expect(found(tenth((seen) => [seen, seen]))).toContain('nonmonotonic-poll')
    expect(found(tenth((seen) => [{ ...seen, h: 'another' }]))).toContain('inconsistent-offsets')
    expect(found(tenth((seen) => [seen, { ...seen, o: 99_999 }]))).toContain('I1 lost-write')
  })

  test('a command was carried out twice', () => {
    const spoilt = withFacts((facts) => {
      const act = facts.find((fact): fact is Act => fact.k === 'act') ?? fail('act')
      return [...facts, act]
    })
    expect(found(spoilt)).toContain('I12 applied-twice')
  })
})

test('every check has found something', () => {
  expect(CHECKS.filter((name) => !caught.has(name))).toEqual([])
})
