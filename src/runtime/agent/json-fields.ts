// Fields of a foreign JSON object, taken one by one and checked; what is not asked for is not
// looked at, so a `__proto__` or an unknown field has no effect. Errors: RangeError naming the
// field (never its value).

export type Fields = Readonly<Record<string, unknown>>

export function object(value: unknown): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new RangeError('it is not an object')
  return { ...value }
}

export function text(o: Fields, key: string): string {
  const value = o[key]
  if (typeof value !== 'string') throw new RangeError(`${key} is not a text`)
  return value
}

export function nullableText(o: Fields, key: string): string | null {
  return o[key] === null ? null : text(o, key)
}

export function integer(o: Fields, key: string): number {
  const value = o[key]
  if (typeof value !== 'number' || !Number.isSafeInteger(value))
    throw new RangeError(`${key} is not a whole number`)
  return value
}

/** A whole number from 0 to `max`. */
export function count(o: Fields, key: string, max: number): number {
  const value = integer(o, key)
  if (value < 0 || value > max) throw new RangeError(`${key} is not between 0 and ${max}`)
  return value
}
