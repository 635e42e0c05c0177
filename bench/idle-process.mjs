// A process of the `idle` bench with a meter in it: started, waited for, asked for its CPU time,
// ended.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** Ends the process with whoever started it, and measures it. */
export const METER = new URL('./idle-meter.mjs', import.meta.url).href
const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))
const READY_MS = 60_000
const END_MS = 10_000

/** @typedef {{ stderr: string, lines: string[] }} Told */
/** @typedef {Awaited<ReturnType<typeof startMetered>>} Metered */

/**
 * @param {readonly string[]} argv script and arguments
 * @param {(told: Told) => Promise<boolean> | boolean} isReady
 */
async function startMetered(argv, isReady) {
  const child = spawn(process.execPath, ['--import', METER, ...argv], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  /** @type {Told} */
  const told = { stderr: '', lines: [] }
  child.stderr.on('data', (/** @type {Buffer} */ chunk) => {
    told.stderr = (told.stderr + chunk.toString()).slice(-65_536)
  })
  const lines = createInterface({ input: child.stdout })
  lines.on('line', (line) => void told.lines.push(line))
  const untilMs = performance.now() + READY_MS
  while (!(await isReady(told))) {
    if (child.exitCode !== null || performance.now() > untilMs)
      throw new Error(`${argv.join(' ')} is not ready:\n${told.stderr}`)
    await sleep(50)
  }
  return {
    /** CPU time so far, µs. */
    async cpuUs() {
      const line = once(lines, 'line')
      if (!child.kill('SIGUSR2')) throw new Error(`${argv.join(' ')} has ended:\n${told.stderr}`)
      return Number(JSON.parse(String((await line)[0])).cpuUs)
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      const late = setTimeout(() => child.kill('SIGKILL'), END_MS)
      await ended
      clearTimeout(late)
    },
  }
}

/**
 * A role by its own command, until its endpoint calls it ready.
 * @param {string} role @param {readonly string[]} args
 */
export function startRole(role, args) {
  return startMetered([MAIN, role, '--port=0', ...args], async ({ stderr }) => {
    const url = /"url":"(http:[^"]+)"/.exec(stderr)?.[1]
    if (url === undefined) return false
    return await fetch(`${url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    )
  })
}

/** A script of this folder, until it prints `ready`. @param {string} file @param {object} task */
export function startScript(file, task) {
  const script = fileURLToPath(new URL(file, import.meta.url))
  return startMetered([script, JSON.stringify(task)], ({ lines }) => lines.includes('ready'))
}
