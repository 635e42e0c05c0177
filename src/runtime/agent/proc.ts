// What Linux tells about a process under /proc: start time (tells a process from a later one with
// the same id), processor time, memory, open files. On other systems everything here answers null.
import { readdirSync, readFileSync } from 'node:fs'

/**
 * Fields of /proc/<pid>/stat that follow the command name, which may itself hold blanks and
 * parentheses.
 */
function statFields(pid: number): readonly string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return null
  }
}

/**
 * Start of the process in clock ticks since boot, or null when there is no such process (or no
 * /proc).
 */
export function processStart(pid: number): string | null {
  return statFields(pid)?.[19] ?? null
}

/**
 * Whether the process runs; one that belongs to another user runs too. One that has ended and whose
 * parent has not asked for its end yet (a zombie, for ever under a careless init) does not.
 */
export function isAlive(pid: number): boolean {
  const state = statFields(pid)?.[0]
  if (state === 'Z' || state === 'X') return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/**
 * Whether `pid` is still the process that began at `start` (null: not known, then the id alone
 * decides).
 */
export function isSameProcess(pid: number, start: string | null): boolean {
  if (!isAlive(pid)) return false
  return start === null || processStart(pid) === start
}

/** One look at a process. `cpuMs`: processor time used so far; all of it as the kernel counts. */
export interface ProcessUsage {
  readonly cpuMs: number
  readonly rssBytes: number
  readonly fds: number | null
}

/**
 * Linux reports processor time in hundredths of a second (USER_HZ) on every architecture Node runs
 * on.
 */
const TICK_MS = 10
const PAGE_BYTES = 4096

function openFiles(pid: number): number | null {
  try {
    return readdirSync(`/proc/${pid}/fd`).length
  } catch {
    return null
  }
}

/** Usage of a process now, or null when it cannot be read. */
export function processUsage(pid: number): ProcessUsage | null {
  const fields = statFields(pid)
  if (fields === null) return null
  const cpuMs = (Number(fields[11]) + Number(fields[12])) * TICK_MS
  const rssBytes = Number(fields[21]) * PAGE_BYTES
  if (!Number.isFinite(cpuMs) || !Number.isFinite(rssBytes)) return null
  return { cpuMs, rssBytes, fds: openFiles(pid) }
}
