// Headers of every record: CloudEvents in binary mode (cloudevents/spec, Kafka protocol binding)
// and the clusters the record has visited (DESIGN.md law 8).
import type { RecordHeader } from '../contracts/record.ts'
import type { TopicKind } from '../contracts/topics.ts'
import { encodeUtf8 } from '../contracts/utf8.ts'

/** Cluster ids visited, origin first, separated by commas. */
export const PATH_HEADER = 'hs-path'

export interface EventIdentity {
  readonly topic: TopicKind
  /** Unique together with `source`. */
  readonly id: string
  /** Who says it, such as `/agents/a1`. */
  readonly source: string
  /** Epoch ms. */
  readonly timeMs: number
  readonly path: readonly string[]
}

const header = (key: string, value: string): RecordHeader => ({ key, value: encodeUtf8(value) })

const SPEC_VERSION = header('ce_specversion', '1.0')
const CONTENT_TYPE = header('content-type', 'application/avro')

export function eventHeaders(event: EventIdentity): readonly RecordHeader[] {
  return [
    SPEC_VERSION,
    header('ce_type', `io.healstream.${event.topic}`),
    header('ce_source', event.source),
    header('ce_id', event.id),
    header('ce_time', new Date(event.timeMs).toISOString()),
    CONTENT_TYPE,
    header(PATH_HEADER, event.path.join(',')),
  ]
}
