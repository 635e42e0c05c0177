// Changes of meaning that Avro's own resolution cannot express. A record of an older version is
// first resolved to the current schema (new fields get their defaults), then walks through the
// upcasters of its topic. The JSON shapes accepted at the edge become records in edge-event.ts.
import type { RecordOf } from './records.ts'

/** Makes the meaning of the next version out of a record of version `from` (schemas/history). */
export interface Upcaster<T> {
  readonly from: number
  readonly up: (record: T) => T
}

/** By topic, ascending by `from`. */
export type Upcasters = { readonly [K in keyof RecordOf]?: readonly Upcaster<RecordOf[K]>[] }

/** None yet: every schema is in its first version. */
export const UPCASTERS: Upcasters = {}

/** The record as the current version means it, when it was written under `version`. */
export function upcast<K extends keyof RecordOf>(
  topic: K,
  version: number,
  record: RecordOf[K],
  upcasters: Upcasters = UPCASTERS,
): RecordOf[K] {
  const steps: readonly Upcaster<RecordOf[K]>[] = upcasters[topic] ?? []
  return steps.reduce((now, step) => (step.from >= version ? step.up(now) : now), record)
}
