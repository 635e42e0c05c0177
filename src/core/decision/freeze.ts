// Freeze windows: times of the week in which nothing disruptive is done. They are compared with the
// log's time in UTC, so that a replay years later freezes at the same records.
import { WEEKDAYS, type FreezeWindow } from '../../contracts/limits.ts'

const MINUTE_MS = 60_000
const DAY_MINUTES = 1_440
const WEEK_MINUTES = 7 * DAY_MINUTES
/** 1 January 1970 was a Thursday. */
const EPOCH_WEEKDAY = WEEKDAYS.indexOf('thu')

export interface Frozen {
  /** As it was written: `sat, sun 22:00–06:00: release`. */
  readonly text: string
  /** Log time at which it ends; another one may begin there. */
  readonly untilMs: number
}

/** The window that log time `nowMs` lies in: of several the one that ends last; or null. */
export function frozenAt(windows: readonly FreezeWindow[], nowMs: number): Frozen | null {
  let found: Frozen | null = null
  for (const window of windows) {
    const untilMs = endOf(window, nowMs)
    if (untilMs === null || (found !== null && untilMs <= found.untilMs)) continue
    found = { text: textOf(window), untilMs }
  }
  return found
}

/** When the window ends that is open at `nowMs`, or null. It is open on [from, to). */
function endOf({ days, fromMinute, toMinute }: FreezeWindow, nowMs: number): number | null {
  const minute = Math.floor(nowMs / MINUTE_MS)
  const ofWeek =
    (((minute + EPOCH_WEEKDAY * DAY_MINUTES) % WEEK_MINUTES) + WEEK_MINUTES) % WEEK_MINUTES
  // One that ends at or before it begins ends on the next day; a whole day is 00:00 to 00:00.
  const length = toMinute > fromMinute ? toMinute - fromMinute : toMinute - fromMinute + DAY_MINUTES
  let left: number | null = null
  for (const day of days) {
    const begin = WEEKDAYS.indexOf(day) * DAY_MINUTES + fromMinute
    const passed = (ofWeek - begin + WEEK_MINUTES) % WEEK_MINUTES
    if (passed < length) left = Math.max(left ?? 0, length - passed)
  }
  return left === null ? null : (minute + left) * MINUTE_MS
}

function textOf({ days, fromMinute, toMinute, why }: FreezeWindow): string {
  const reason = why === '' ? '' : `: ${why}`
  const when = days.length === WEEKDAYS.length ? 'daily' : days.join(', ')
  return `${when} ${clock(fromMinute)}–${clock(toMinute)} UTC${reason}`
}

function clock(minute: number): string {
  const two = (n: number): string => String(n).padStart(2, '0')
  return `${two(Math.floor(minute / 60))}:${two(minute % 60)}`
}
