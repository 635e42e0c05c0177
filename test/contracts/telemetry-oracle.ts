// avsc as oracle of the telemetry decoder. Three rules make the comparison exact: a datum that avsc
// writes for a valid record is decoded equally; what we take avsc takes, equally; what we refuse
// avsc refuses too, or it breaks a rule written down here (`broken`), or it is not the form any
// writer gives the record avsc saw in it.
import avsc from 'avsc'
import { expect } from 'vitest'
import type { DecodeReason } from '../../src/contracts/decode.ts'
import { idProblem } from '../../src/contracts/ids.ts'
import type { TelemetryDelta } from '../../src/contracts/records.ts'
import {
  BUCKETS_MAX,
  DeltaScratch,
  EXEMPLARS_MAX,
  decodeTelemetry,
} from '../../src/contracts/telemetry-decoder.ts'
import { fullDelta, readScratch, telemetryType } from './telemetry-fixture.ts'

export const scratch: DeltaScratch = new DeltaScratch()
export const decode = (bytes: Uint8Array): DecodeReason | null =>
  decodeTelemetry(bytes, 0, bytes.length, scratch)
export const encode = (record: unknown): Buffer => telemetryType.toBuffer(record)

/**
 * avsc makes arrays of whatever length a hostile count names, for minutes; items here take two
 * bytes at least.
 */
export function tameOracle(): void {
  interface Tap {
    buf: Buffer
    pos: number
    readLong(): number
  }
  interface ItemsType {
    _read(tap: Tap): unknown
  }
  Reflect.set(
    avsc.types.ArrayType.prototype,
    '_read',
    function (this: { itemsType: ItemsType }, tap: Tap) {
      const items: unknown[] = []
      for (let n = tap.readLong(); n !== 0; n = tap.readLong()) {
        if (n < 0) {
          n = -n
          tap.readLong()
        }
        if (n > tap.buf.length) throw new Error('more items than bytes')
        while (n-- > 0) items.push(this.itemsType._read(tap))
      }
      return items
    },
  )
}

interface Oracle {
  record: TelemetryDelta
  /** The bytes are what avsc itself writes for the record. */
  plain: boolean
}

export function oracle(bytes: Uint8Array): Oracle | null {
  const datum = Buffer.from(bytes)
  try {
    const record: TelemetryDelta = telemetryType.fromBuffer(datum)
    return { record, plain: telemetryType.isValid(record) && encode(record).equals(datum) }
  } catch {
    return null
  }
}

/** Names the rules a decoded record breaks, written from the docs of the schema. */
export function broken(r: TelemetryDelta): string[] {
  const counts = [r.epoch, r.incarnation, r.tick_start_ms, r.sum_us, r.max_us, r.zeros]
  const more = [...Object.values(r.logs ?? {}), ...Object.values(r.tasks ?? {})]
  const stats = Object.values(r.gauges ?? {}).filter((stat) => stat !== null)
  const ids = [r.service, r.instance, r.agent, ...Object.values(r.caller ?? {})]
  const texts = [r.operation, ...r.exemplars.map((e) => e.trace_id)].filter((t) => t !== '')
  const shown = [...ids, ...texts]
  const latencies = r.buckets.reduce((sum, b) => sum + b.count, r.zeros)
  const rules: Record<string, boolean> = {
    ids: ids.every((t) => idProblem(t) === null),
    texts: texts.every((t) => t === '.' || t === '..' || idProblem(t) === null),
    utf8: shown.every((t) => !t.includes('\ufffd')),
    counts: [...counts, ...more].every((count) => count >= 0),
    seq: r.seq >= 1,
    tick: r.tick_ms >= 0 && r.tick_ms <= 3_600_000,
    errors: 0 <= r.local_errors && r.local_errors <= r.errors && r.errors <= r.n,
    scale: r.scale >= -10 && r.scale <= 20,
    buckets: r.buckets.every((b, i) => b.count >= 1 && (i === 0 || b.gap >= 1)),
    grid: Math.abs(r.buckets.reduce((sum, b) => sum + b.gap, 0)) < 2 ** 31,
    sizes: r.buckets.length <= BUCKETS_MAX && r.exemplars.length <= EXEMPLARS_MAX,
    latencies: latencies <= r.n,
    exemplars: r.exemplars.every((e) => e.latency_us >= 0),
    gauges: stats.every((s) => s.n >= 0 && Number.isFinite(s.sum) && Number.isFinite(s.max)),
  }
  return Object.keys(rules).filter((rule) => rules[rule] === false)
}

/** Compares both on any bytes; returns whether they were taken. */
export function compare(bytes: Uint8Array): boolean {
  const reason = decode(bytes)
  const theirs = oracle(bytes)
  if (reason === null) {
    expect(theirs, 'avsc refuses what we take').not.toBeNull()
    if (theirs === null) return true
    expect(readScratch(bytes, scratch, theirs.record)).toEqual(theirs.record)
    expect(broken(theirs.record)).toEqual([])
    return true
  }
  if (theirs?.plain === true) {
    const rules = broken(theirs.record)
    expect(rules.length, `refused as ${reason}: ${JSON.stringify(theirs.record)}`).toBeGreaterThan(
      0,
    )
    expect(reason).toBe('invalid')
  }
  return false
}

/** The datum of `fullDelta()` around its buckets. */
export function cut(datum: Buffer): { head: Buffer; tail: Buffer } {
  const none = encode({ ...fullDelta(), buckets: [] })
  let at = 0
  while (datum[at] === none[at]) at++
  return { head: none.subarray(0, at), tail: none.subarray(at + 1) }
}
