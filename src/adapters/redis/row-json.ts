// A row as its text in Redis: canonical JSON of `{partition, record, version}`, bytes in
// hexadecimal. What comes back may have been written by anybody: a text that is no such row is an
// error, never a row.
import { canonicalJson } from '../../contracts/canonical-json.ts'
import { ViewError, type ViewRow, type ViewTopic } from '../../runtime/view-port.ts'

type RowRecord = NonNullable<ViewRow['record']>

/** Fields of records that hold bytes. */
const BYTES: Readonly<Partial<Record<ViewTopic, string>>> = {
  incidents: 'prev_hash',
  commands: 'signature',
}

/** Errors: ViewError `REFUSED` for a record that JSON cannot say. */
export function rowText(
  topic: ViewTopic,
  row: { readonly partition: number; readonly version: number; readonly record: RowRecord },
): string {
  const { partition, version, record } = row
  const name = BYTES[topic]
  const bytes: unknown = name === undefined ? undefined : Reflect.get(record, name)
  const plain =
    name !== undefined && bytes instanceof Uint8Array
      ? { ...record, [name]: Buffer.from(bytes).toString('hex') }
      : record
  try {
    return canonicalJson({ partition, record: plain, version })
  } catch (cause) {
    throw new ViewError('REFUSED', `a record of ${topic} cannot be said in JSON`, { cause })
  }
}

/** Errors: ViewError `CORRUPT`. */
export function rowOf(topic: ViewTopic, id: string, text: string): ViewRow {
  const parsed = parse(text)
  const partition = field(parsed, 'partition')
  const record = field(parsed, 'record')
  if (typeof partition !== 'number' || typeof record !== 'object' || record === null)
    throw new ViewError('CORRUPT', `a row of ${topic} in Redis is not one that we have written`)
  const name = BYTES[topic]
  const hex = name === undefined ? null : field(record, name)
  const whole =
    name !== undefined && typeof hex === 'string'
      ? { ...record, [name]: Uint8Array.from(Buffer.from(hex, 'hex')) }
      : record
  return { topic, partition, id, record: whole as RowRecord }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new ViewError('CORRUPT', 'a row in Redis is no JSON', { cause })
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}
