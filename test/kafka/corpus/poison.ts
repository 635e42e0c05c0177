// What an entry of the corpus is, and the words that entries are made with.
import type { Encoder } from '../../../src/contracts/decode.ts'
import type { RecordOf } from '../../../src/contracts/records.ts'
import type { TopicKind } from '../../../src/contracts/topics.ts'
import { type RawRecord, rawBatch } from '../hostile-batches.ts'
import { datumOf } from './datum.ts'

/**
 * The bucket it has to end in: `taken` (it is used, or read over, and nobody complains), `told`
 * (refused in words in the audit), `broker` (it was never stored), else the reason of its dead
 * letter.
 */
export type Bucket = string

/** Whom an entry speaks of: nobody else does. */
export interface Whom {
  readonly service: string
  readonly instance: string
  readonly agent: string
  readonly seq: number
  readonly nowMs: number
  /** A service of another partition. */
  readonly foreign: string
  readonly encoder: Encoder
}

export interface Poison {
  readonly name: string
  readonly kind: TopicKind
  readonly ends: Bucket
  readonly batch: (whom: Whom) => Buffer
}

export type Kind = keyof RecordOf & TopicKind
export type Change = Readonly<Record<string, unknown>>

export const utf8 = (text: string): Buffer => Buffer.from(text)

/** One record of these bytes, with the service as its key. */
export function value(
  kind: TopicKind,
  [name, ends]: readonly [string, Bucket],
  bytes: (whom: Whom) => Uint8Array | null,
): Poison {
  const batch = (whom: Whom): Buffer => rawBatch([{ key: utf8(whom.service), value: bytes(whom) }])
  return { name: `${kind}: ${name}`, kind, ends, batch }
}

/** One record as it is given. */
export function record(
  kind: TopicKind,
  [name, ends]: readonly [string, Bucket],
  make: (whom: Whom) => RawRecord,
): Poison {
  return { name: `${kind}: ${name}`, kind, ends, batch: (whom) => rawBatch([make(whom)]) }
}

/** The five bytes before a datum, as the topic has them. */
export function headOf<K extends Kind>(kind: K, good: RecordOf[K], { encoder }: Whom): Uint8Array {
  return encoder.encode(kind, good).subarray(0, 5)
}

/** A good record but for these fields, in the schema's own bytes. */
export function bent<K extends Kind>(
  kind: K,
  good: (whom: Whom) => RecordOf[K],
  entries: readonly (readonly [string, Bucket, Change | ((whom: Whom) => Change)])[],
): readonly Poison[] {
  return entries.map(([name, ends, change]) =>
    value(kind, [name, ends], (whom) => {
      const changed = typeof change === 'function' ? change(whom) : change
      return Buffer.concat([headOf(kind, good(whom), whom), datumOf(kind, good(whom), changed)])
    }),
  )
}
