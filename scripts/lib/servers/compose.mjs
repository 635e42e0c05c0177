// The way round where a server cannot be started as a process here: the same service of
// docker-compose.yml. Used only for what that file describes, never for other settings.
import { spawnSync } from 'node:child_process'
import { run } from '../run.mjs'
import { ServerProblem } from './folders.mjs'

const UP_MS = 300_000
const DOWN_MS = 60_000

/** @typedef {import('./fetch.mjs').Say} Say */

/** Whether `docker compose` is there and reaches an engine. */
export function hasCompose() {
  if (spawnSync('docker', ['compose', 'version'], { stdio: 'ignore' }).status !== 0) return false
  return spawnSync('docker', ['info'], { stdio: 'ignore', timeout: 10_000 }).status === 0
}

/**
 * Starts a service and waits until its health check says so.
 * @param {string} service
 * @param {Say} say
 */
export async function composeUp(service, say) {
  const args = ['compose', 'up', '-d', '--wait', '--wait-timeout', '120', service]
  say(`docker ${args.join(' ')} (at most ${UP_MS / 1000} s)`)
  const result = await run('docker', args, { timeoutMs: UP_MS })
  if (result.code === 0) return
  throw new ServerProblem(`docker compose could not start ${service}:\n${result.output.trim()}`)
}

/**
 * Ends a service of ours; its volume goes too unless it is kept.
 * @param {string} service
 * @param {{ volume: string, keep: boolean }} options
 */
export async function composeDown(service, { volume, keep }) {
  const args = ['compose', 'rm', '--stop', '--force', service]
  const result = await run('docker', args, { timeoutMs: DOWN_MS })
  if (result.code !== 0) {
    throw new ServerProblem(`docker compose could not end ${service}:\n${result.output.trim()}`)
  }
  if (!keep) await run('docker', ['volume', 'rm', '--force', volume], { timeoutMs: DOWN_MS })
}

/** @param {string} service @returns {Promise<boolean>} */
export async function composeRuns(service) {
  const args = ['compose', 'ps', '--status', 'running', '--services', service]
  const result = await run('docker', args, { timeoutMs: DOWN_MS })
  return result.code === 0 && result.stdout.split('\n').includes(service)
}
