// Records to values and back: Avro in Confluent's wire format (a zero byte, the schema id as
// big-endian int32, the datum). Only the versions of our own schemas known at start are read, each
// on its own topic alone; whatever else arrives gets a reason, never an exception.
import { AvroCursor } from '../../contracts/avro-cursor.ts'
import type { Decoded, DecodeReason, Decoder, Encoder, Span } from '../../contracts/decode.ts'
import {
  type EdgeContext,
  type EdgeResult,
  edgeProblemText,
  readEdgeEvent,
  readEdgeRecord,
} from '../../contracts/edge-event.ts'
import { HsError } from '../../contracts/failure.ts'
import type { ClusterId } from '../../contracts/ids.ts'
import type { RecordView } from '../../contracts/record.ts'
import type { RecordOf, ServiceEvent } from '../../contracts/records.ts'
import { DEFAULT_PREFIX } from '../../contracts/topics.ts'
import { upcast } from '../../contracts/upcast.ts'
import { decodeUtf8 } from '../../contracts/utf8.ts'
import type { RegistryAccess } from './registry-http.ts'
import { type IdentifiedFamily, type SchemaIds, derivedIds, registeredIds } from './schema-ids.ts'
import { type SchemaKind, type SchemaVersion, loadSchemas } from './schema-files.ts'
import { type Convert, type Trouble, bytesConverter, lookOver } from './shape.ts'

export interface SerdeOptions {
  /** Confluent-compatible registry. Absent: ids are derived. */
  readonly registry?: RegistryAccess
  /** Folder for the registry's last answers; absent: none are kept. */
  readonly cacheDir?: string
  /** Before the topic kind in names of topics and subjects. */
  readonly prefix?: string
  readonly schemasDir?: string
  /** Cluster of JSON service events that name none. */
  readonly clusterId?: ClusterId
  /** For one call to the registry, default 5,000. */
  readonly registryDeadlineMs?: number
}

export interface Serde extends Decoder, Encoder {
  decodeBytes<K extends keyof RecordOf>(topic: K, bytes: Uint8Array): Decoded<RecordOf[K]>
  /** Id under which records of the topic are written. */
  schemaId(topic: keyof RecordOf): number
  readonly source: SchemaIds['source']
  /** Why the registry was not used or its answers not stored; null when all went well. */
  readonly warning: string | null
}

const HEADER_BYTES = 5
/** `{` */
const BRACE = 0x7b
const FIRST_SCRATCH_BYTES = 65_536

/**
 * Errors: HsError `HS_CONFIG` (bad URL), `HS_UNREACHABLE` (registry down, ids not known from
 * before), `HS_SCHEMA` (registry refuses), `HS_INTERNAL` (schemas missing from the package).
 */
export async function createSerde(options: SerdeOptions = {}): Promise<Serde> {
  const edge = options.clusterId === undefined ? {} : { clusterId: options.clusterId }
  const families = loadSchemas(options.schemasDir)
  if (options.registry === undefined) return new AvroSerde(derivedIds(families), edge)
  const registry = {
    ...options.registry,
    prefix: options.prefix ?? DEFAULT_PREFIX,
    deadlineMs: options.registryDeadlineMs ?? 5_000,
  }
  return new AvroSerde(await registeredIds(families, registry, options.cacheDir ?? null), edge)
}

/** One topic: its ids, and how its bytes fields are handed to the library and back. */
class TopicCodec {
  readonly currentId: number
  readonly current: SchemaVersion
  private readonly kind: SchemaKind
  private readonly byId: ReadonlyMap<number, SchemaVersion>
  private readonly resolvers = new Map<
    SchemaVersion,
    ReturnType<SchemaVersion['type']['createResolver']>
  >()
  private readonly toVendor: Convert | null
  private readonly fromVendor: Convert | null
  private readonly cursor = new AvroCursor()

  constructor({ family, currentId, byId }: IdentifiedFamily) {
    this.kind = family.kind
    this.currentId = currentId
    this.current = family.current
    this.byId = byId
    this.toVendor = bytesConverter(family.current.shape, asBuffer)
    this.fromVendor = bytesConverter(family.current.shape, copyOf)
    for (const version of family.versions)
      if (version !== family.current)
        this.resolvers.set(version, family.current.type.createResolver(version.type))
  }

  /** Version the value names, or why it cannot be read. */
  versionOf(buffer: Uint8Array, start: number, end: number): SchemaVersion | DecodeReason {
    if (start < 0 || end <= start) return 'empty'
    if (end - start < HEADER_BYTES || buffer[start] !== 0) return 'not_avro'
    return this.byId.get(idAt(buffer, start)) ?? 'unknown_schema'
  }

  /** The record as its current version, or a reason with the field at fault. */
  read(
    version: SchemaVersion,
    buffer: Uint8Array,
    start: number,
    end: number,
  ): Decoded<RecordOf[SchemaKind]> {
    const trouble: Trouble = { reason: null, path: [] }
    const { cursor } = this
    cursor.open(buffer, start, end)
    const fine = lookOver(version.shape, cursor, trouble)
    if (!fine) return refused(trouble.reason ?? 'corrupt', trouble.path.reverse().join('.'))
    if (cursor.at !== end) return refused('corrupt', `${end - cursor.at} bytes behind the record`)
    try {
      const datum = asBuffer(buffer.subarray(start, end))
      const value: unknown = this.current.type.fromBuffer(datum, this.resolvers.get(version))
      // The schema of a topic and its type in RecordOf are held equal by test/schemas.
      const record = (
        this.fromVendor === null ? value : this.fromVendor(value)
      ) as RecordOf[SchemaKind]
      if (version === this.current) return { ok: true, record }
      return { ok: true, record: upcast(this.kind, version.number, record) }
    } catch (error) {
      return refused('corrupt', error instanceof Error ? error.message : String(error))
    }
  }

  /** Writes the datum at `at` and returns where it ends, or minus the bytes that were missing. */
  write(record: unknown, into: Buffer, at: number): number {
    const value = this.toVendor === null ? record : this.toVendor(record)
    try {
      return this.current.type.encode(value, into, at)
    } catch (cause) {
      throw new HsError('HS_INTERNAL', this.whyUnfit(value), { cause })
    }
  }

  private whyUnfit(value: unknown): string {
    let where = ''
    this.current.type.isValid(value, {
      errorHook: (path, found) => {
        where ||= `${path.join('.')}: ${found === undefined ? 'missing' : typeof found}`
      },
    })
    return `a record does not fit schema ${this.current.type.name ?? ''} at ${where}`
  }
}

class AvroSerde implements Serde {
  readonly source: SchemaIds['source']
  readonly warning: string | null
  private readonly codecs: ReadonlyMap<SchemaKind, TopicCodec>
  private readonly telemetryCodec: TopicCodec
  private readonly edge: EdgeContext
  private scratch: Buffer = Buffer.allocUnsafe(FIRST_SCRATCH_BYTES)

  constructor(ids: SchemaIds, edge: EdgeContext) {
    this.edge = edge
    this.source = ids.source
    this.warning = ids.warning
    this.codecs = new Map(ids.families.map((each) => [each.family.kind, new TopicCodec(each)]))
    this.telemetryCodec = this.codec('telemetry')
  }

  schemaId(topic: keyof RecordOf): number {
    return this.codec(topic).currentId
  }

  telemetry(view: RecordView, into: Span): DecodeReason | null {
    const codec = this.telemetryCodec
    const { buffer, valueStart, valueEnd } = view
    const version = codec.versionOf(buffer, valueStart, valueEnd)
    if (typeof version === 'string') return version
    if (version === codec.current) {
      into.buffer = buffer
      into.start = valueStart + HEADER_BYTES
      into.end = valueEnd
      return null
    }
    const decoded = codec.read(version, buffer, valueStart + HEADER_BYTES, valueEnd)
    if (!decoded.ok) return decoded.reason
    into.buffer = this.write(codec, decoded.record)
    into.start = HEADER_BYTES
    into.end = into.buffer.length
    return null
  }

  decode<K extends keyof RecordOf>(topic: K, view: RecordView): Decoded<RecordOf[K]> {
    const { buffer, valueStart, valueEnd } = view
    if (topic === 'service-events' && valueEnd > valueStart && buffer[valueStart] === BRACE)
      return this.edgeRecord(view) as Decoded<RecordOf[K]>
    return this.decodeSpan(topic, buffer, valueStart, valueEnd)
  }

  decodeBytes<K extends keyof RecordOf>(topic: K, bytes: Uint8Array): Decoded<RecordOf[K]> {
    return this.decodeSpan(topic, bytes, 0, bytes.length)
  }

  encode<K extends keyof RecordOf>(topic: K, record: RecordOf[K]): Uint8Array {
    return this.write(this.codec(topic), record)
  }

  private decodeSpan<K extends keyof RecordOf>(
    topic: K,
    buffer: Uint8Array,
    start: number,
    end: number,
  ): Decoded<RecordOf[K]> {
    const codec = this.codec(topic)
    const version = codec.versionOf(buffer, start, end)
    if (topic === 'service-events' && version === 'not_avro' && buffer[start] === BRACE)
      return this.edgeEvent(buffer.subarray(start, end)) as Decoded<RecordOf[K]>
    if (typeof version === 'string') return refused(version, detailOf(version, buffer, start, end))
    // The codec is that of the topic.
    return codec.read(version, buffer, start + HEADER_BYTES, end) as Decoded<RecordOf[K]>
  }

  /** The one topic on which strangers may write plain JSON (S0-18). */
  private edgeEvent(json: Uint8Array): Decoded<ServiceEvent> {
    return decodedEvent(readEdgeEvent(json, this.edge))
  }

  private edgeRecord(view: RecordView): Decoded<ServiceEvent> {
    const { buffer, keyStart, keyEnd, valueStart, valueEnd, timestampMs: appendMs } = view
    const service = keyEnd > keyStart ? decodeUtf8(buffer, keyStart, keyEnd) : null
    const json = buffer.subarray(valueStart, valueEnd)
    const { event, node } = readEdgeRecord(json, { ...this.edge, service, appendMs })
    const decoded = decodedEvent(event)
    return decoded.ok || node === null ? decoded : { ...decoded, later: decodedEvent(node) }
  }

  private write(codec: TopicCodec, record: unknown): Uint8Array {
    let end = codec.write(record, this.scratch, HEADER_BYTES)
    if (end < 0) {
      this.scratch = Buffer.allocUnsafe(this.scratch.length - end)
      end = codec.write(record, this.scratch, HEADER_BYTES)
    }
    this.scratch[0] = 0
    this.scratch.writeInt32BE(codec.currentId, 1)
    return copyOf(this.scratch.subarray(0, end))
  }

  private codec(topic: SchemaKind): TopicCodec {
    const codec = this.codecs.get(topic)
    if (codec === undefined) throw new HsError('HS_INTERNAL', `topic ${topic} has no schema`)
    return codec
  }
}

function decodedEvent(result: EdgeResult): Decoded<ServiceEvent> {
  return result.ok
    ? { ok: true, record: result.event }
    : refused('invalid', edgeProblemText(result.problem))
}

/** Schema id of a value. */
function idAt(buffer: Uint8Array, start: number): number {
  return (
    ((buffer[start + 1] ?? 0) << 24) |
    ((buffer[start + 2] ?? 0) << 16) |
    ((buffer[start + 3] ?? 0) << 8) |
    (buffer[start + 4] ?? 0)
  )
}

function refused(reason: DecodeReason, detail: string): Extract<Decoded<never>, { ok: false }> {
  return { ok: false, reason, detail }
}

function detailOf(reason: DecodeReason, buffer: Uint8Array, start: number, end: number): string {
  if (reason === 'unknown_schema')
    return `schema id ${idAt(buffer, start)} is not one of this topic`
  if (reason === 'not_avro') return `${end - start} bytes that begin with ${buffer[start] ?? 0}`
  return 'no value'
}

/** The same memory as a Buffer, which the Avro library asks for. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/**
 * A copy with memory of its own: what the library hands out shares a pool, and our scratch is used
 * again.
 */
function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}
