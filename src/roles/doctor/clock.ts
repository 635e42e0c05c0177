// This machine's clock against the log's: a task whose owner is more than 2 s off suspends itself.
// The controller's clock says it best; where it may not be asked, the newest records do: one that
// was appended later than now shows a clock that is behind.
import type { Inspector } from '../../adapters/kafka/inspect.ts'
import type { Clock, LogAdmin, TopicPartition } from '../../runtime/ports.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

/** As tasks judge it (DESIGN.md section 5, Time). */
const LIMIT_MS = 2_000
const UNEASY_MS = 500
const ADVICE =
  'Set this clock by NTP (chrony, systemd-timesyncd), and look at those of the brokers.'

/** `skewMs`: how far this clock is ahead. */
export function checkSkew(skewMs: number): Finding {
  const size = Math.abs(skewMs)
  const side = skewMs < 0 ? 'behind' : 'ahead of'
  const found = `this clock is ${Math.round(size)} ms ${side} the brokers'`
  if (size > LIMIT_MS) return fail('clock', found, ADVICE)
  return size > UNEASY_MS ? warn('clock', found, ADVICE) : ok('clock', found)
}

export interface ClockOptions {
  readonly inspector: Pick<Inspector, 'clocks'>
  readonly admin: LogAdmin
  readonly clock: Clock
  /** Where append times are looked at. */
  readonly places: readonly TopicPartition[]
}

/** Errors: LogError. */
export async function checkClock(options: ClockOptions): Promise<Finding> {
  const clocks = await options.inspector.clocks()
  if (clocks !== null) return checkSkew(clocks.oursMs - clocks.theirsMs)
  const nowMs = options.clock.nowMs()
  if (await hasRecordSince(options, nowMs + LIMIT_MS)) {
    const found = `records were appended more than ${LIMIT_MS} ms later than this clock shows`
    return fail('clock', found, ADVICE)
  }
  if (await hasRecordSince(options, nowMs - LIMIT_MS))
    return ok('clock', `the newest record was appended within ${LIMIT_MS} ms of this clock`)
  const found = 'the clock of the brokers may not be asked, and nothing was appended just now'
  const fix =
    'Run doctor while agents are sending, or with an account that may Describe the cluster (role ' +
    'operator).'
  return warn('clock', found, fix)
}

async function hasRecordSince(
  { admin, places }: ClockOptions,
  timestampMs: number,
): Promise<boolean> {
  if (places.length === 0) return false
  const offsets = await admin.offsets(
    places,
    { timestampMs: Math.round(timestampMs) },
    'read_committed',
  )
  return offsets.some((offset) => offset >= 0)
}
