// How record values become records and back: the face of the codec, so that the core, the engine
// and the agents can be handed one without knowing Avro or the schema registry.
import type { RecordView } from './record.ts'
import type { RecordOf } from './records.ts'

/** Bytes of an Avro datum inside a record value: from `start` to `end` of `buffer`. */
export interface Span {
  buffer: Uint8Array
  start: number
  end: number
}

export type Decoded<T> =
  | { readonly ok: true; readonly record: T }
  | {
      readonly ok: false
      readonly reason: DecodeReason
      readonly detail: string
      /** What it is read as from behaviour 3 on; old logs are refused as they were. */
      readonly later?: Decoded<T>
    }

export type DecodeReason = 'empty' | 'not_avro' | 'unknown_schema' | 'corrupt' | 'invalid'

/**
 * Pure decoder handed in by the runtime; a function of the bytes and of the schemas known at start.
 */
export interface Decoder {
  /**
   * Where the telemetry datum of the current schema lies; a reason = refused, null = `into` is set.
   */
  telemetry(view: RecordView, into: Span): DecodeReason | null
  decode<K extends keyof RecordOf>(topic: K, view: RecordView): Decoded<RecordOf[K]>
}

/** Turns records into values: Confluent wire format, the schema id as resolved at start. */
export interface Encoder {
  encode<K extends keyof RecordOf>(topic: K, record: RecordOf[K]): Uint8Array
}
