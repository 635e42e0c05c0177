// One server as one process with one port (registry, Redis): a folder with its settings, log and
// pid file; asked until it serves.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ServerProblem } from './folders.mjs'
import { end, isFree, lastLines, launch, pidOf, signal, undoOnExit } from './processes.mjs'

const STOP_MS = 10_000

/**
 * @typedef {import('./fetch.mjs').Say} Say
 * @typedef {{ kind: string, readyMs: number,
 *   launch: (folder: string, port: number) => { command: string, args: readonly string[] },
 *   mark: (folder: string) => string, serves: (port: number) => Promise<boolean> }} Service
 * `mark` is a text that only this server has in its command line.
 * @typedef {{ port: number, by: 'process' | 'compose' }} Saved
 */

/** What runs or ran in a folder, or null. @param {string} folder @returns {Saved | null} */
export function readService(folder) {
  try {
    return JSON.parse(readFileSync(join(folder, 'service.json'), 'utf8'))
  } catch {
    return null
  }
}

/** @param {string} folder @param {Saved} saved */
export function saveService(folder, saved) {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  writeFileSync(join(folder, 'service.json'), `${JSON.stringify(saved)}\n`)
}

/** @param {string} folder */
export const removeService = (folder) =>
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 })

/** How it is known among the processes. @param {Service} service @param {string} folder */
export const serviceProcess = (service, folder) => ({
  pidFile: join(folder, '1.pid'),
  mark: service.mark(folder),
})

/**
 * Starts a server in its folder (fine when it runs) and waits until it serves; what fails or is
 * interrupted leaves nothing.
 * @param {Service} service
 * @param {{ folder: string, port: number }} at
 * @param {Say} say
 */
export async function startService(service, { folder, port }, say) {
  const before = readService(folder)
  if (before !== null && before.port === port && pidOf(serviceProcess(service, folder)) !== null) {
    await untilServes(service, folder, port, say)
    return
  }
  if (!(await isFree(port))) {
    throw new ServerProblem(
      `port ${port} of 127.0.0.1 is taken by another program: choose another by --port`,
    )
  }
  const isNew = !existsSync(folder)
  saveService(folder, { port, by: 'process' })
  const known = serviceProcess(service, folder)
  const done = undoOnExit(() => {
    signal(known, 'SIGKILL')
    if (isNew) removeService(folder)
  })
  try {
    const logFile = join(folder, 'log')
    const how = service.launch(folder, port)
    await launch({ ...known, ...how, logFile, cwd: folder, detached: true })
    await untilServes(service, folder, port, say)
  } catch (error) {
    await end(known, 0)
    if (isNew) removeService(folder)
    throw error
  } finally {
    done()
  }
}

/** @param {Service} service @param {string} folder @param {number} port @param {Say} say */
async function untilServes(service, folder, port, say) {
  const known = serviceProcess(service, folder)
  const start = performance.now()
  let toldAt = start + 2500
  while (!(await service.serves(port))) {
    const now = performance.now()
    const seconds = ((now - start) / 1000).toFixed(0)
    const ended = pidOf(known) === null
    if (ended || now - start > service.readyMs) {
      const what = ended ? 'has ended' : `does not serve after ${seconds} s`
      const log = lastLines(join(folder, 'log'))
      throw new ServerProblem(`the ${service.kind} ${what}. End of its log:\n${log}`)
    }
    if (now > toldAt) {
      say(`${service.kind} on port ${port} is starting (${seconds} s)`)
      toldAt = now + 5000
    }
    await sleep(100)
  }
}

/** @param {Service} service @param {string} folder @param {{ force?: boolean }} [options] */
export const stopService = (service, folder, { force = false } = {}) =>
  end(serviceProcess(service, folder), force ? 0 : STOP_MS)
