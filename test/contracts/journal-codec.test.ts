// Journal entries: what is written is what is read, and whatever a disk, a person or a stranger
// does to the bytes ends in HS_CHAIN_BROKEN and in nothing else.
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HsError } from '../../src/contracts/failure.ts'
import { clusterId, taskId } from '../../src/contracts/ids.ts'
import {
  ENTRY_BYTES_MAX,
  type JournalEntry,
  type JournalStep,
  NO_HASH,
  TEXT_BYTES_MAX,
  TOPIC_CODES,
} from '../../src/contracts/journal.ts'
import {
  decodeEntry,
  encodeEntry,
  stepBytes,
  STEPS_BYTES_MAX,
} from '../../src/contracts/journal-codec.ts'
import { TOPICS } from '../../src/contracts/topics.ts'

const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest()

const topic = fc.constantFrom(...TOPICS.map((spec) => spec.kind))
const offset = fc.integer({ min: 0, max: 2 ** 50 })
const partition = fc.integer({ min: 0, max: 4_095 })
const ms = fc.integer({ min: 0, max: 4_000_000_000_000 })
const uint = fc.integer({ min: 0, max: 2 ** 31 })
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })
const text = fc.string({ unit: 'grapheme', maxLength: 200 })
const id = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,40}$/)
const position = fc.record({ topic, partition, offset })
const positions = fc.array(position, { maxLength: 10 })
const slice = fc
  .record({ topic, partition, from: offset, more: uint, crc: fc.nat({ max: 0xffffffff }) })
  .map(({ more, ...rest }) => ({ ...rest, to: rest.from + more }))

const steps = fc
  .record({
    firstSeq: uint,
    start: ms,
    list: fc.array(
      fc.record({
        afterMs: fc.nat({ max: 100_000 }),
        behind: fc.boolean(),
        asOf: fc.array(fc.record({ topic, atMs: ms }), { maxLength: 8 }),
        slices: fc.array(slice, { maxLength: 8 }),
      }),
      { maxLength: 20 },
    ),
  })
  .map(({ firstSeq, start, list }): readonly JournalStep[] => {
    let nowMs = start
    return list.map(({ afterMs, ...step }, i) => {
      nowMs += afterMs
      return { ...step, seq: firstSeq + i, nowMs }
    })
  })

const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value)

const entry: fc.Arbitrary<JournalEntry> = fc.oneof(
  fc.record({
    kind: fc.constant('genesis' as const),
    clusterId: id.map(clusterId),
    task: id.map(taskId),
    partitions: fc.integer({ min: 1, max: 4_096 }),
    prefix: id,
    positions,
    behaviour: uint,
    format: fc.integer({ min: 2, max: 2 ** 31 }),
    scale: fc.constantFrom(4 as const, 5 as const),
    dev: fc.boolean(),
    atMs: ms,
    lastTip: maybe(fc.record({ offset, hash })),
  }),
  fc.record({
    kind: fc.constant('fence' as const),
    gen: uint,
    member: text,
    group: text,
    generation: uint,
    attempt: uint,
    suspect: maybe(position),
    positions,
    stateDigest: hash,
  }),
  fc.record({
    kind: fc.constant('steps' as const),
    steps,
    outputs: uint,
    outputsDigest: hash,
    stateDigest: maybe(hash),
    snapshot: maybe(offset),
  }),
  fc.record({ kind: fc.constant('skip' as const), record: position, from: offset, reason: text }),
  fc.record({
    kind: fc.constant('gap' as const),
    topic,
    partition,
    from: offset,
    to: offset,
    by: text,
  }),
  fc.record({ kind: fc.constant('upgrade' as const), behaviour: uint, format: uint }),
  fc.record({ kind: fc.constant('override' as const), why: text, who: text }),
)

const plain = (bytes: Uint8Array): readonly number[] => [...bytes]

/** Typed arrays as lists, so that a Buffer equals a Uint8Array. */
function flat(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, v) => (v instanceof Uint8Array ? plain(v) : v)))
}

function failure(bytes: Uint8Array): string {
  try {
    decodeEntry(bytes, sha256)
    return 'accepted'
  } catch (error) {
    return error instanceof HsError ? error.code : `threw ${String(error)}`
  }
}

const SAMPLE: JournalEntry = {
  kind: 'steps',
  steps: [
    {
      seq: 41,
      nowMs: 1_700_000_000_000,
      behind: false,
      asOf: [{ topic: 'telemetry', atMs: 1_699_999_999_990 }],
      slices: [{ topic: 'telemetry', partition: 3, from: 100, to: 120, crc: 0xdeadbeef }],
    },
  ],
  outputs: 2,
  outputsDigest: sha256(new Uint8Array([1])),
  stateDigest: sha256(new Uint8Array([2])),
  snapshot: null,
}

describe('journal entries', () => {
  test('what is written is what is read, with its hash and the hash before it', () => {
    fc.assert(
      fc.property(entry, hash, (value, previous) => {
        const written = encodeEntry(value, previous, sha256)
        const read = decodeEntry(written.bytes, sha256)
        expect(flat(read.entry)).toEqual(flat(value))
        expect(plain(read.previous)).toEqual(plain(previous))
        expect(plain(read.hash)).toEqual(plain(written.hash))
      }),
      { numRuns: 500 },
    )
  })

  test('a flipped bit anywhere is found, in the last entry too', () => {
    const { bytes } = encodeEntry(SAMPLE, NO_HASH, sha256)
    for (let at = 0; at < bytes.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const bad = new Uint8Array(bytes)
        bad[at] = (bad[at] ?? 0) ^ (1 << bit)
        expect(failure(bad), `byte ${at}, bit ${bit}`).toBe('HS_CHAIN_BROKEN')
      }
    }
  })

  test('every prefix and every longer version is refused', () => {
    const { bytes } = encodeEntry(SAMPLE, NO_HASH, sha256)
    for (let length = 0; length < bytes.length; length++)
      expect(failure(bytes.subarray(0, length))).toBe('HS_CHAIN_BROKEN')
    expect(failure(new Uint8Array([...bytes, 0]))).toBe('HS_CHAIN_BROKEN')
  })

  test('a body made by a stranger, with a valid check, gives an entry or HS_CHAIN_BROKEN', () => {
    const body = fc.uint8Array({ maxLength: 400 })
    fc.assert(
      fc.property(fc.nat({ max: 9 }), body, (kind, noise) => {
        const head = new Uint8Array([0x48, 0x4a, 1, kind, ...NO_HASH, ...noise])
        const bytes = new Uint8Array([...head, ...sha256(head).subarray(0, 8)])
        expect(['accepted', 'HS_CHAIN_BROKEN']).toContain(failure(bytes))
      }),
      { numRuns: 2_000 },
    )
  })

  test('a mutated body with a valid check gives an entry or HS_CHAIN_BROKEN', () => {
    const change = fc.record({ at: fc.nat({ max: 10_000 }), byte: fc.nat({ max: 255 }) })
    fc.assert(
      fc.property(entry, fc.array(change, { minLength: 1, maxLength: 4 }), (value, changes) => {
        const { bytes } = encodeEntry(value, NO_HASH, sha256)
        const head = new Uint8Array(bytes.subarray(0, bytes.length - 8))
        for (const { at, byte } of changes) head[36 + (at % Math.max(1, head.length - 36))] = byte
        const forged = new Uint8Array([...head, ...sha256(head).subarray(0, 8)])
        expect(['accepted', 'HS_CHAIN_BROKEN']).toContain(failure(forged))
      }),
      { numRuns: 1_000 },
    )
  })

  test('another layout number is named in the message', () => {
    const { bytes } = encodeEntry(SAMPLE, NO_HASH, sha256)
    bytes[2] = 9
    expect(() => decodeEntry(bytes, sha256)).toThrow('layout 9')
  })

  test('the size of a step is never under-estimated, a full entry stays inside the bound', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const filled = encodeEntry({ ...SAMPLE, steps: list }, NO_HASH, sha256)
        const empty = encodeEntry({ ...SAMPLE, steps: [] }, NO_HASH, sha256)
        const bound = list.reduce((sum, step) => sum + stepBytes(step), 16)
        expect(filled.bytes.length - empty.bytes.length).toBeLessThanOrEqual(bound)
      }),
    )
    const slices = Array.from({ length: 8 }, () => ({
      topic: 'telemetry' as const,
      partition: 4_095,
      from: 2 ** 50,
      to: 2 ** 51,
      crc: 0xffffffff,
    }))
    const asOf = Array.from({ length: 8 }, () => ({ topic: 'telemetry' as const, atMs: 2 ** 42 }))
    const step = { nowMs: 2 ** 52, behind: true, asOf, slices }
    const size = stepBytes({ seq: 0, ...step })
    const count = Math.floor(STEPS_BYTES_MAX / size)
    const list = Array.from({ length: count }, (_, i) => ({ seq: 2 ** 50 + i, ...step }))
    const { bytes } = encodeEntry({ ...SAMPLE, steps: list, snapshot: 2 ** 50 }, NO_HASH, sha256)
    expect(bytes.length).toBeLessThanOrEqual(ENTRY_BYTES_MAX)
  })

  test('a reason of any length is cut at a character', () => {
    const reason = '€'.repeat(5_000)
    const skip = { kind: 'skip', record: { topic: 'signals', partition: 0, offset: 7 } } as const
    const { bytes } = encodeEntry({ ...skip, from: 7, reason }, NO_HASH, sha256)
    const { entry: read } = decodeEntry(bytes, sha256)
    const kept = read.kind === 'skip' ? read.reason : ''
    expect(reason.startsWith(kept)).toBe(true)
    expect(Buffer.byteLength(kept)).toBeGreaterThan(TEXT_BYTES_MAX - 3)
    expect(Buffer.byteLength(kept)).toBeLessThanOrEqual(TEXT_BYTES_MAX)
  })

  test('every topic has a code of its own', () => {
    const codes = TOPICS.map((spec) => TOPIC_CODES[spec.kind])
    expect(new Set(codes).size).toBe(TOPICS.length)
    expect(Math.min(...codes)).toBeGreaterThan(0)
  })
})
