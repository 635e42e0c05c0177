// What waits for a commit: its entry never exceeds the bound, its digest depends on every output.
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { ENTRY_BYTES_MAX, NO_HASH } from '../../src/contracts/journal.ts'
import { encodeEntry } from '../../src/contracts/journal-codec.ts'
import { canonical } from '../../src/core/kernel/canonical.ts'
import type { Output, Step } from '../../src/core/kernel/step.ts'
import { sha256 } from '../../src/runtime/journal.ts'
import { journalStep, OutputsDigest, Pending } from '../../src/runtime/pending.ts'
import { sliceOf } from '../../src/runtime/stepper.ts'

const output = (key: string): Output => ({ topic: 'health', key, body: null })
const step = (seq: number): Step => ({
  seq,
  nowMs: 2 ** 42,
  behind: false,
  asOf: { signals: 2 ** 42 - 5, telemetry: 2 ** 42 - 9 },
  slices: [],
})

describe('pending', () => {
  test('filled to the brim it still is an entry', () => {
    const pending = new Pending()
    const range = { topic: 'telemetry', partition: 9_999, input: 0, from: 2 ** 52, to: 2 ** 53 - 2 }
    const slice = sliceOf({ ...range, topic: 'telemetry' }, [])
    const slices = Array.from({ length: 16 }, () => slice)
    let seq = 0
    while (pending.hasRoom) pending.add(journalStep(step(++seq), slices, {}), [], [])
    const { bytes } = encodeEntry(pending.entry(NO_HASH), NO_HASH, sha256)
    expect(bytes.length).toBeLessThanOrEqual(ENTRY_BYTES_MAX)
    expect(pending.stepCount).toBe(seq)
    expect(seq).toBeGreaterThan(300)
  })

  // Story: only what service tasks read was journalled of asOf. The fleet task told its pulse by
  // how far it had read the observations; no restore told it again, and the task stopped.
  test('asOf of every topic that a core was told is in the step', () => {
    const asOf = { observations: 7, policies: 5, telemetry: 3 }
    const { asOf: journalled } = journalStep({ ...step(1), asOf }, [], { policies: 5 })
    expect(journalled).toHaveLength(2)
    expect(journalled).toContainEqual({ topic: 'observations', atMs: 7 })
    expect(journalled).toContainEqual({ topic: 'telemetry', atMs: 3 })
  })

  test('a step of the largest fleet fits in', () => {
    const pending = new Pending()
    const range = { topic: 'observations', input: 0, from: 2 ** 52, to: 2 ** 53 - 2 } as const
    const partitions = Array.from({ length: 1_002 }, (_, partition) => partition)
    const slices = partitions.map((partition) => sliceOf({ ...range, partition }, []))
    let seq = 0
    while (pending.hasRoom) pending.add(journalStep(step(++seq), slices, {}), [], [])
    const { bytes } = encodeEntry(pending.entry(NO_HASH), NO_HASH, sha256)
    expect(bytes.length).toBeLessThanOrEqual(ENTRY_BYTES_MAX)
    expect(seq).toBeGreaterThan(3)
  })

  test('outputs that nobody commits take its room too', () => {
    const pending = new Pending()
    const sealed = {
      topic: 't',
      partition: 0,
      key: null,
      value: new Uint8Array(1_000_000),
      timestampMs: 0,
    }
    let seq = 0
    while (pending.hasRoom) pending.add(journalStep(step(++seq), [], {}), [], [sealed])
    expect(seq).toBe(5)
  })

  test('the digest is over the canonical bytes of seq and outputs, step by step', () => {
    const pending = new Pending()
    pending.add(journalStep(step(1), [], {}), [output('a'), output('b')], [])
    pending.add(journalStep(step(2), [], {}), [], [])
    pending.add(journalStep(step(3), [], {}), [output('c')], [])
    const expected = createHash('sha256')
      .update(canonical([1, [output('a'), output('b')]]))
      .update(canonical([3, [output('c')]]))
      .digest('hex')
    const entry = pending.entry(null)
    expect(entry.outputs).toBe(3)
    expect(Buffer.from(entry.outputsDigest).toString('hex')).toBe(expected)
  })

  test('another step, order or body is another digest', () => {
    const digests = [
      [1, [output('a'), output('b')]],
      [2, [output('a'), output('b')]],
      [1, [output('b'), output('a')]],
      [1, [output('a')]],
      [1, []],
    ].map(([seq, outputs]) => {
      const digest = new OutputsDigest()
      digest.add(Number(seq), Array.isArray(outputs) ? outputs : [])
      return Buffer.from(digest.done()).toString('hex')
    })
    expect(new Set(digests).size).toBe(5)
  })
})

describe('a step in the journal', () => {
  test('keeps of asOf only what changed', () => {
    const kept = journalStep(step(1), [], { signals: 2 ** 42 - 5 })
    expect(kept.asOf).toEqual([{ topic: 'telemetry', atMs: 2 ** 42 - 9 }])
  })

  test('keeps of a slice its range and checksum', () => {
    const slice = sliceOf({ topic: 'signals', partition: 1, input: 3, from: 5, to: 9 }, [])
    expect(journalStep(step(1), [slice], {}).slices).toEqual([
      { topic: 'signals', partition: 1, from: 5, to: 9, crc: 0 },
    ])
  })
})
