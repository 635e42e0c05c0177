// What a service and its agent say to each other: lines of JSON over loopback TCP, one connection
// per instance. The service says hello, then counts, metrics and its configuration; the agent says
// ok, or why it hangs up. Every line is foreign input.
import { idProblem } from '../../contracts/ids.ts'
import { metricProblem, METRICS_PER_INSTANCE_MAX } from '../../contracts/metric-name.ts'
import type { NamedMetric } from '../../contracts/records.ts'
import { INDEX_MAX, indexOf } from '../../core/window/grid.ts'
import { count, type Fields, integer, nullableText, object, text } from './json-fields.ts'
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
/** Hex, base64, or with the name of the algorithm before it. */
const HASH = /^[A-Za-z0-9+/=:._-]{1,128}$/

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

/** Metrics of the service's own, as they are now; `refusal`: why some of them cannot be taken. */
export interface MetricsLine {
  readonly metrics: readonly NamedMetric[]
  readonly refusal: string | null
}

/** The configuration a process runs with: its version, and a hash of its content where known. */
export interface ConfigLine {
  readonly version: number
  readonly hash: string | null
}

/** What comes after hello. */
export type ToldLine =
  | ({ readonly t: 'counts' } & CountsLine)
  | ({ readonly t: 'metrics' } & MetricsLine)
  | ({ readonly t: 'config' } & ConfigLine)

/** Lines that came later than counts: an agent hangs up on one it does not know. */
export const TAKES = ['metrics', 'config'] as const
export type Takes = (typeof TAKES)[number]

export type Reply =
  | { readonly t: 'ok'; readonly takes: readonly Takes[] }
  | { readonly t: 'no'; readonly reason: string }

const line = (o: object): string => `${JSON.stringify(o)}\n`

export function encodeHello(hello: Hello): string {
  return line({ t: 'hello', ...hello })
}

export function encodeCounts({ operation, batch }: CountsLine): string {
  return line({ t: 'counts', operation, ...batch })
}

export function encodeMetrics(metrics: readonly NamedMetric[]): string {
  return line({ t: 'metrics', values: metrics.map(({ name, value }) => [name, value]) })
}

export function encodeConfig(config: ConfigLine): string {
  return line({ t: 'config', ...config })
}

export function encodeReply(reply: Reply): string {
  return line(reply)
}

function parse(bytes: Buffer): Fields {
  let value: unknown
  try {
    value = JSON.parse(bytes.toString('utf8'))
  } catch {
    throw new RangeError('it is not JSON')
  }
  return object(value)
}

function id(o: Fields, key: string): string {
  const value = text(o, key)
  const problem = idProblem(value)
  if (problem !== null) throw new RangeError(`${key} ${problem}`)
  return value
}

/** Errors: RangeError saying what is wrong, never repeating what was sent. */
export function decodeHello(bytes: Buffer): Hello {
  const o = parse(bytes)
  if (o['t'] !== 'hello') throw new RangeError('it is no hello')
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

/** Errors: RangeError as of `decodeHello`. */
export function decodeTold(bytes: Buffer): ToldLine {
  const o = parse(bytes)
  if (o['t'] === 'metrics') return { t: 'metrics', ...metricsIn(o['values']) }
  if (o['t'] === 'config') return { t: 'config', ...configIn(o) }
  if (o['t'] !== 'counts') throw new RangeError('it is no counts, no metrics and no configuration')
  return { t: 'counts', ...countsIn(o) }
}

/** One that cannot be taken takes no other with it. Errors: RangeError for what is no list. */
function metricsIn(values: unknown): MetricsLine {
  if (!Array.isArray(values)) throw new RangeError('values are not a list')
  const metrics: NamedMetric[] = []
  let refusal: string | null = null
  for (const item of values) {
    const pair: readonly unknown[] = Array.isArray(item) && item.length === 2 ? item : []
    const [name, value] = pair
    if (typeof name !== 'string' || typeof value !== 'number')
      throw new RangeError('a metric is not a name and a number')
    const problem =
      metrics.length < METRICS_PER_INSTANCE_MAX
        ? metricProblem(name, value)
        : `at most ${METRICS_PER_INSTANCE_MAX} are taken`
    if (problem === null) metrics.push({ name, value })
    else refusal ??= problem
  }
  return { metrics, refusal }
}

function configIn(o: Fields): ConfigLine {
  const hash = nullableText(o, 'hash')
  const problem = configProblem(o['version'], hash)
  if (problem !== null) throw new RangeError(problem)
  return { version: count(o, 'version', Number.MAX_SAFE_INTEGER), hash }
}

/** Why it is no configuration, or null. */
export function configProblem(version: unknown, hash: string | null): string | null {
  if (!Number.isSafeInteger(version) || Number(version) < 0) return 'version is no whole number'
  return hash === null || HASH.test(hash) ? null : 'hash is not 1 to 128 letters of a hash'
}

/** Counts that can be true: parts add up, the largest latency lies in the last bucket. */
function countsIn(o: Fields): CountsLine {
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
  const known = o['takes']
  const takes = TAKES.filter((one) => Array.isArray(known) && known.includes(one))
  if (o['t'] === 'ok') return { t: 'ok', takes }
  return { t: 'no', reason: text(o, 'reason') }
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
