// Record values to records and back for the checker, from the schema files alone: Confluent's wire
// format with ids derived from the schemas (the low 31 bits of CRC-64-AVRO). Only current versions;
// the agents of a nemesis run write nothing else, so a value that cannot be read is a finding.
import { readFileSync } from 'node:fs'
import avsc from 'avsc'
import type { Decoder } from '../../../src/contracts/decode.ts'
import type { RecordView } from '../../../src/contracts/record.ts'
import type { RecordOf } from '../../../src/contracts/records.ts'
import { TOPICS } from '../../../src/contracts/topics.ts'

type Kind = keyof RecordOf

const HEAD_BYTES = 5
const EMPTY = 0xc15d213aa4d7a795n
const OWN_LAYOUT = new Set<string>(['journal'])

/** Low 31 bits of the Rabin fingerprint of the Avro specification. */
function idOf(canonicalForm: string): number {
  let print = EMPTY
  for (const byte of Buffer.from(canonicalForm)) {
    print ^= BigInt(byte)
    for (let bit = 0; bit < 8; bit++) print = (print >> 1n) ^ (EMPTY & -(print & 1n))
  }
  return Number(print & 0x7fffffffn)
}

interface Known {
  readonly id: number
  readonly type: avsc.Type
}

function known(kind: string): Known {
  const file = new URL(`../../../schemas/${kind}.avsc`, import.meta.url)
  const schema: unknown = JSON.parse(readFileSync(file, 'utf8'), (key, value: unknown) =>
    key === 'doc' || key === 'brand' ? undefined : value,
  )
  // Checked by the library itself.
  const type = avsc.Type.forSchema(schema as avsc.Schema, { omitRecordMethods: true })
  return { id: idOf(JSON.stringify(type.schema())), type }
}

export class Avro implements Decoder {
  readonly #known: ReadonlyMap<string, Known>

  constructor() {
    const kinds = TOPICS.map(({ kind }) => kind.replace(/^fleet-/, ''))
    const names = new Set(kinds.filter((kind) => !OWN_LAYOUT.has(kind)))
    this.#known = new Map([...names].map((kind) => [kind, known(kind)]))
  }

  telemetry: Decoder['telemetry'] = (view, into) => {
    const { buffer, valueStart, valueEnd } = view
    if (!this.#isOf('telemetry', buffer, valueStart)) return 'unknown_schema'
    into.buffer = buffer
    into.start = valueStart + HEAD_BYTES
    into.end = valueEnd
    return null
  }

  decode: Decoder['decode'] = <K extends Kind>(topic: K, view: RecordView) => {
    const { buffer, valueStart, valueEnd } = view
    const bytes = Buffer.from(buffer.buffer, buffer.byteOffset, buffer.length)
    const record = this.read(topic, bytes.subarray(valueStart, valueEnd))
    if (record !== null) return { ok: true, record }
    return { ok: false, reason: 'corrupt', detail: 'the checker cannot read it' }
  }

  /** null: not a current record of the topic. */
  read<K extends Kind>(topic: K, value: Buffer): RecordOf[K] | null {
    const { type } = this.#of(topic)
    if (!this.#isOf(topic, value, 0)) return null
    try {
      // Schemas and record types are held equal by test/schemas.
      return type.fromBuffer(Buffer.from(value.subarray(HEAD_BYTES))) as RecordOf[K]
    } catch {
      return null
    }
  }

  /** The bytes a writer with the current schema makes of it. */
  write(topic: Kind, record: unknown): Buffer {
    const { id, type } = this.#of(topic)
    const head = Buffer.alloc(HEAD_BYTES)
    head.writeInt32BE(id, 1)
    return Buffer.concat([head, type.toBuffer(asBuffers(record))])
  }

  #of(topic: string): Known {
    const found = this.#known.get(topic)
    if (found === undefined) throw new Error(`no schema of ${topic}`)
    return found
  }

  #isOf(topic: string, buffer: Uint8Array, start: number): boolean {
    const { id } = this.#of(topic)
    const bytes = Buffer.from(buffer.buffer, buffer.byteOffset, buffer.length)
    return start >= 0 && start + HEAD_BYTES <= bytes.length && bytes.readInt32BE(start + 1) === id
  }
}

/** The library asks for Buffers where we have bytes. */
function asBuffers(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value)
  if (Array.isArray(value)) return value.map(asBuffers)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, asBuffers(each)]))
}
