// JSON Canonicalization Scheme (RFC 8785): one value, one text, so that a document has one hash.

/**
 * Canonical JSON of a plain JSON value. Throws RangeError for what JSON or the scheme cannot say.
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new RangeError(`${value} is not a JSON number`)
    return JSON.stringify(value)
  }
  if (typeof value === 'string') return text(value)
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value === 'object') {
    const entries = Object.entries(value).filter(([, field]) => field !== undefined)
    entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    return `{${entries.map(([key, field]) => `${text(key)}:${canonicalJson(field)}`).join(',')}}`
  }
  throw new RangeError(`a ${typeof value} is not a JSON value`)
}

function text(value: string): string {
  if (/\p{Surrogate}/u.test(value)) throw new RangeError('half a surrogate pair is not a character')
  return JSON.stringify(value)
}
