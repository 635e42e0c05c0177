// Servers as processes: started with a log file, known by a pid file and by a mark in their command
// line. A pid may long belong to somebody else, so nothing is signalled whose mark is not ours.
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * @typedef {{ pidFile: string, mark: string }} Known
 * `mark` is a text that only this server has in its command line, such as the path of its settings.
 * @typedef {Known & { command: string, args: readonly string[], logFile: string, cwd: string,
 *   detached: boolean }} Launch
 * Detached servers live on when this process ends.
 */

/** Command line of a process, or an empty text when there is none. @param {number} pid */
function commandLine(pid) {
  if (process.platform === 'linux') {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
    } catch {
      return ''
    }
  }
  const found = spawnSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' })
  return found.stdout
}

/** Pid of the server when it runs, else null. @param {Known} known */
export function pidOf({ pidFile, mark }) {
  try {
    const pid = Number(readFileSync(pidFile, 'utf8'))
    return Number.isInteger(pid) && pid > 1 && commandLine(pid).includes(mark) ? pid : null
  } catch {
    return null
  }
}

/**
 * Starts a server and writes its pid file.
 * @param {Launch} launch
 */
export async function launch({ command, args, logFile, pidFile, cwd, detached }) {
  const log = openSync(logFile, 'a')
  try {
    const child = spawn(command, args, { cwd, detached, stdio: ['ignore', log, log] })
    // At once: an interruption must find the pid.
    if (child.pid !== undefined) writeFileSync(pidFile, `${child.pid}\n`)
    await new Promise((resolve, reject) => {
      child.once('spawn', resolve)
      child.once('error', reject)
    })
    child.unref()
  } finally {
    closeSync(log)
  }
}

/**
 * Whether the server was there to be signalled.
 * @param {Known} known @param {NodeJS.Signals} name
 */
export function signal(known, name) {
  const pid = pidOf(known)
  if (pid === null) return false
  try {
    process.kill(pid, name)
    return true
  } catch {
    return false
  }
}

/**
 * Whether a process has let go of everything. A killed one loses its command line first, its
 * sockets later, with its last thread; what remains until the parent asks (state Z) holds nothing.
 * @param {number} pid
 */
function isGone(pid) {
  try {
    if (process.platform === 'linux') {
      const state = /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1]
      return state === 'Z' && readdirSync(`/proc/${pid}/task`).length <= 1
    }
    process.kill(pid, 0)
    const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' })
    return stdout.startsWith('Z')
  } catch {
    return true
  }
}

/** @param {number} pid @param {number} withinMs @returns {Promise<boolean>} whether it is gone */
async function goneWithin(pid, withinMs) {
  const end = performance.now() + withinMs
  while (!isGone(pid)) {
    if (performance.now() > end) return false
    await sleep(25)
  }
  return true
}

/**
 * Ends a server (a paused one too) and removes its pid file: asks first, then forces.
 * @param {Known} known
 * @param {number} graceMs 0 forces at once
 * @returns {Promise<'ended' | 'killed' | 'not running'>}
 */
export async function end(known, graceMs) {
  const pid = pidOf(known)
  if (pid !== null && graceMs > 0) {
    signal(known, 'SIGTERM')
    signal(known, 'SIGCONT')
    await goneWithin(pid, graceMs)
  }
  const killed = signal(known, 'SIGKILL')
  if (pid !== null && !(await goneWithin(pid, 10_000))) {
    throw new Error(`process ${pid} does not end, not even by SIGKILL`)
  }
  rmSync(known.pidFile, { force: true })
  if (pid === null) return 'not running'
  return killed ? 'killed' : 'ended'
}

/** Last lines of a log file, for messages. @param {string} file @param {number} [count] */
export function lastLines(file, count = 12) {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-count).join('\n')
  } catch {
    return ''
  }
}

/**
 * Whether nobody listens on a port of 127.0.0.1.
 * @param {number} port @returns {Promise<boolean>}
 */
export function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/** @type {Set<() => void>} */
const undo = new Set()

/**
 * While a start is under way, `act` runs when this process ends, by a signal too.
 * @param {() => void} act synchronous
 * @returns {() => void} to be called when the start is complete
 */
export function undoOnExit(act) {
  if (undo.size === 0) process.once('exit', runUndo)
  undo.add(act)
  return () => {
    undo.delete(act)
    if (undo.size === 0) process.removeListener('exit', runUndo)
  }
}

/** The newest first, as things were built up. */
function runUndo() {
  for (const act of [...undo].reverse()) act()
}
