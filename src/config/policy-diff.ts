// What differs between two documents, field by field: by what they mean, not by how they are
// written (`5m` and `300s` are the same, so is a default that is written out).
import { formatDuration } from '../contracts/duration.ts'
import type { PolicyDocument } from '../contracts/policy.ts'

export interface FieldChange {
  /** As in the document that is in force: `mode`, `cooldownMs`, `limits.perMinute`. */
  readonly field: string
  /** null: it is not there. */
  readonly before: string | null
  readonly after: string | null
}

/** null: there is no such document. */
export function diffDocuments(
  before: PolicyDocument | null,
  after: PolicyDocument | null,
): readonly FieldChange[] {
  const [old, now] = [before, after].map((document) => new Map(fieldsOf(document, '')))
  const names = [...new Set([...(old?.keys() ?? []), ...(now?.keys() ?? [])])].sort()
  return names.flatMap((field) => {
    const change = { field, before: old?.get(field) ?? null, after: now?.get(field) ?? null }
    return change.before === change.after ? [] : [change]
  })
}

function fieldsOf(value: unknown, path: string): [string, string][] {
  if (value === null || value === undefined) return []
  if (typeof value !== 'object') return [[path, shown(path, value)]]
  const entries = Object.entries(value)
  if (entries.length === 0 && path !== '') return [[path, Array.isArray(value) ? '[]' : '{}']]
  return entries.flatMap(([key, inner]) => {
    const at = Array.isArray(value) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`
    return fieldsOf(inner, at)
  })
}

function shown(path: string, value: unknown): string {
  const isTime = path.endsWith('Ms') && typeof value === 'number'
  return isTime ? formatDuration(value) : JSON.stringify(value)
}
