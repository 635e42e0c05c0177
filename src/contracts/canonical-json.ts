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
  if (typeof value === 'object') return objectText(value)
  throw new RangeError(`a ${typeof value} is not a JSON value`)
}

function objectText(value: object): string {
  let said = ''
  for (const key of Object.keys(value).sort(byCodeUnits)) {
    const field: unknown = Reflect.get(value, key)
    if (field !== undefined) said += `${said === '' ? '' : ','}${text(key)}:${canonicalJson(field)}`
  }
  return `{${said}}`
}

const byCodeUnits = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Printable ASCII but quote and backslash: nothing of it is written otherwise. */
const PLAIN = /^[ !#-[\]-~]*$/

function text(value: string): string {
  if (PLAIN.test(value)) return `"${value}"`
  if (/\p{Surrogate}/u.test(value)) throw new RangeError('half a surrogate pair is not a character')
  return JSON.stringify(value)
}
