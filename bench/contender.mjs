// A contender in a process of its own, so that its CPU time is its alone and no other client's idle
// timers run beside it. It gets its task as one JSON argument and answers with one JSON line, the
// last it prints.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/**
 * Runs a program to its end.
 * @param {readonly string[]} argv @param {number} limitMs
 * @returns {Promise<string>} what it printed
 */
export function output([program = '', ...args], limitMs) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: limitMs })
    let said = ''
    let complained = ''
    child.stdout.setEncoding('utf8').on('data', (text) => (said += text))
    child.stderr.setEncoding('utf8').on('data', (text) => (complained += text))
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (code === 0) return resolve(said)
      const what = `${program} ${args[0] ?? ''} ended with ${code ?? signal}`
      reject(new Error(`${what}\n${complained.slice(-4_000)}`))
    })
  })
}

/**
 * @param {string} file of this folder @param {Record<string, unknown>} task
 * @returns {Promise<any>} its answer
 */
export async function contend(file, task, limitMs = 180_000) {
  const script = fileURLToPath(new URL(file, import.meta.url))
  const said = await output([process.execPath, script, JSON.stringify(task)], limitMs)
  return JSON.parse(said.trim().split('\n').at(-1) ?? '')
}

/** In the contender: its task. @returns {any} */
export function task() {
  return JSON.parse(process.argv[2] ?? '{}')
}

/** In the contender: its answer, and the end of the process whatever still runs. */
export function answer(/** @type {Record<string, unknown>} */ figures) {
  process.stdout.write(`${JSON.stringify(figures)}\n`, () => process.exit(0))
}
