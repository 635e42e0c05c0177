// What a service and its agent say to each other: lines of JSON over loopback TCP, one connection
// per instance. The service says hello, then counts; the agent says ok, or why it hangs up. Every
// line is foreign input.
import { idProblem } from '../../contracts/ids.ts'
import { INDEX_MAX, indexOf } from '../../core/window/grid.ts'
import { count, type Fields, integer, object, text } from './json-fields.ts'
import { type CountBatch, LATENCY_MAX_US } from './tally.ts'

/** Longest line in bytes, newline included. */
export const LINE_BYTES_MAX = 4_096
/**
 * Buckets of one line; a batch with more goes out in time. Keeps every line of ours under
 * LINE_BYTES_MAX.
 */
export const BUCKETS_MAX = 128
/** Requests of one line. */
const REQUESTS_MAX = 10_000_000
const PID_MAX = 4_194_304
const PORT_MAX = 65_535

export interface Hello {
  readonly token: string
  readonly service: string
  readonly instance: string
  readonly pid: number
  /** Port of the service, where the agent looks when the connection breaks. */
  readonly port: number
}

/** Counts of one operation. */
export interface CountsLine {
  readonly operation: string
  readonly batch: CountBatch
}

export type Reply = { readonly t: 'ok' } | { readonly t: 'no'; readonly reason: string }

const line = (o: object): string => `${JSON.stringify(o)}\n`

export function encodeHello(hello: Hello): string {
  return line({ t: 'hello', ...hello })
}

export function encodeCounts({ operation, batch }: CountsLine): string {
  return line({ t: 'counts', operation, ...batch })
}

export function encodeReply(reply: Reply): string {
  return line(reply)
}

function parse(bytes: Buffer, kind: string): Fields {
  let value: unknown
  try {
    value = JSON.parse(bytes.toString('utf8'))
  } catch {
    throw new RangeError('it is not JSON')
  }
  const o = object(value)
  if (o['t'] !== kind) throw new RangeError(`it is no ${kind}`)
  return o
}

function id(o: Fields, key: string): string {
  const value = text(o, key)
  const problem = idProblem(value)
  if (problem !== null) throw new RangeError(`${key} ${problem}`)
  return value
}

/** Errors: RangeError saying what is wrong, never repeating what was sent. */
export function decodeHello(bytes: Buffer): Hello {
  const o = parse(bytes, 'hello')
  const port = count(o, 'port', PORT_MAX)
  if (port === 0) throw new RangeError('port is 0')
  return {
    token: text(o, 'token'),
    service: id(o, 'service'),
    instance: id(o, 'instance'),
    pid: count(o, 'pid', PID_MAX),
    port,
  }
}

function readBuckets(value: unknown): CountBatch['buckets'] {
  if (!Array.isArray(value) || value.length > BUCKETS_MAX)
    throw new RangeError(`buckets are not a list of at most ${BUCKETS_MAX}`)
  let before = -2
  return value.map((item: unknown) => {
    const pair: unknown[] = Array.isArray(item) && item.length === 2 ? item : []
    const o = { index: pair[0], count: pair[1] }
    const index = integer(o, 'index')
    if (index <= before || index > INDEX_MAX) throw new RangeError('buckets are not in order')
    before = index
    const n = count(o, 'count', REQUESTS_MAX)
    if (n === 0) throw new RangeError('a bucket is empty')
    return [index, n] as const
  })
}

/**
 * Counts that can be true: parts add up, the largest latency lies in the last bucket. Errors:
 * RangeError.
 */
export function decodeCounts(bytes: Buffer): CountsLine {
  const o = parse(bytes, 'counts')
  const n = count(o, 'n', REQUESTS_MAX)
  const errors = count(o, 'errors', n)
  const maxUs = count(o, 'maxUs', LATENCY_MAX_US)
  const sumUs = count(o, 'sumUs', Number.MAX_SAFE_INTEGER)
  const zeros = count(o, 'zeros', n)
  const buckets = readBuckets(o['buckets'])
  const inBuckets = buckets.reduce((total, [, each]) => total + each, 0)
  if (zeros + inBuckets !== n) throw new RangeError('the buckets do not add up to n')
  const top = buckets.at(-1)?.[0]
  if (top !== (maxUs === 0 ? undefined : indexOf(maxUs)))
    throw new RangeError('maxUs does not lie in the last bucket')
  if (sumUs < maxUs || sumUs > maxUs * n) throw new RangeError('sumUs cannot be')
  const operation = text(o, 'operation')
  if (operation !== '' && idProblem(operation) !== null)
    throw new RangeError('operation cannot be used as a name')
  const localErrors = count(o, 'localErrors', errors)
  if (typeof o['lastOk'] !== 'boolean') throw new RangeError('lastOk is not true or false')
  const lastOk = o['lastOk']
  return { operation, batch: { n, errors, localErrors, sumUs, maxUs, zeros, buckets, lastOk } }
}

export function decodeReply(bytes: Buffer): Reply {
  const o = object(JSON.parse(bytes.toString('utf8')))
  return o['t'] === 'ok' ? { t: 'ok' } : { t: 'no', reason: text(o, 'reason') }
}

/** Cuts a stream into lines without ever holding more than one line of LINE_BYTES_MAX. */
export class LineCutter {
  #rest: Buffer = Buffer.alloc(0)

  /** Whole lines without their newline. Errors: RangeError when a line is too long. */
  push(chunk: Buffer): readonly Buffer[] {
    const lines: Buffer[] = []
    let rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    for (let end = rest.indexOf(0x0a); end !== -1; end = rest.indexOf(0x0a)) {
      if (end >= LINE_BYTES_MAX) break
      lines.push(rest.subarray(0, end))
      rest = rest.subarray(end + 1)
    }
    if (rest.length >= LINE_BYTES_MAX) {
      throw new RangeError(`a line is longer than ${LINE_BYTES_MAX} bytes`)
    }
    this.#rest = rest
    return lines
  }
}
