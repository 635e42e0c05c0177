// Runs one command in a process group of its own, bounded in time: when the time is up, or when
// this process is interrupted, the whole group ends, so nothing is left running.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** @type {Set<number>} Leaders of the groups under way. */
const groups = new Set()

let deadline = Infinity

/** No command runs past this: what is under way then is ended. @param {number} seconds from now */
export function setDeadline(seconds) {
  deadline = performance.now() + seconds * 1000
}

/**
 * @typedef {{ timeoutMs: number, env?: Record<string, string>, cwd?: string, show?: boolean }}
 * RunOptions
 * @typedef {{ code: number, timedOut: boolean, stdout: string, output: string, seconds: number }}
 * RunResult
 * `output` is stdout and stderr as they came. `code` is 1 when a signal ended the command.
 */

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions} options
 * @returns {Promise<RunResult>}
 */
export function run(command, args, options) {
  const start = performance.now()
  const child = spawn(command, args, {
    cwd: options.cwd ?? ROOT,
    env: { ...process.env, ...options.env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const pid = child.pid ?? 0
  if (pid > 0) groups.add(pid)
  let stdout = ''
  let output = ''
  let timedOut = false
  const take = (/** @type {string} */ text) => {
    output += text
    if (options.show === true) process.stdout.write(text)
  }
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text
    take(text)
  })
  child.stderr.setEncoding('utf8').on('data', take)
  const timer = setTimeout(
    () => {
      timedOut = true
      endGroup(pid)
    },
    Math.max(0, Math.min(options.timeoutMs, deadline - start)),
  )
  return new Promise((resolve) => {
    const done = (/** @type {number} */ code) => {
      clearTimeout(timer)
      groups.delete(pid)
      const seconds = (performance.now() - start) / 1000
      if (timedOut) take(`\nended after ${Math.round(seconds)} s: its time was up\n`)
      resolve({ code: timedOut ? 1 : code, timedOut, stdout, output, seconds })
    }
    child.on('error', (error) => {
      take(`cannot start ${command}: ${error.message}\n`)
      done(1)
    })
    child.on('close', (code) => done(code ?? 1))
    // A process it left behind may hold its streams open for ever: they get a second.
    child.on('exit', (code) => {
      setTimeout(() => {
        child.stdout.destroy()
        child.stderr.destroy()
        done(code ?? 1)
      }, 1000).unref()
    })
  })
}

/**
 * @param {string} name a developer tool of node_modules
 * @param {readonly string[]} args
 * @param {RunOptions} options
 */
export function tool(name, args, options) {
  const PATH = `${ROOT}node_modules/.bin:${process.env['PATH'] ?? ''}`
  return run(`${ROOT}node_modules/.bin/${name}`, args, {
    ...options,
    env: { PATH, ...options.env },
  })
}

/** @param {number} pid leader of the group; gone groups are fine */
function endGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    groups.delete(pid)
  }
}

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  process.on(signal, () => {
    for (const pid of groups) endGroup(pid)
    process.exit(signal === 'SIGINT' ? 130 : 143)
  })
}
