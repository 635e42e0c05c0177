// Programs of the system: found on the PATH, else installed from Debian where that is allowed
// (root, apt-get), within bounds and tried twice. Their daemons are not started by the install.
import { spawnSync } from 'node:child_process'
import { run } from '../run.mjs'

const TRY_MS = 120_000

/** @typedef {import('./fetch.mjs').Say} Say */

/** The first of some programs that is on the PATH. @param {readonly string[]} names */
export function firstOnPath(names) {
  const there = (/** @type {string} */ name) =>
    spawnSync('sh', ['-c', 'command -v "$1"', 'sh', name], { stdio: 'ignore' }).status === 0
  return names.find(there) ?? null
}

/**
 * Installs Debian packages.
 * @param {readonly string[]} packages
 * @param {Say} say
 * @returns {Promise<string | null>} why it could not be done, or null
 */
export async function installPackages(packages, say) {
  const names = packages.join(' ')
  if (firstOnPath(['apt-get']) === null) return `install ${names} by your package manager`
  if (process.getuid?.() !== 0) return `run \`sudo apt-get install ${names}\``
  let last = ''
  for (const attempt of [1, 2]) {
    say(`apt-get install ${names} (attempt ${attempt} of 2, at most ${TRY_MS / 1000} s)`)
    const end = performance.now() + TRY_MS
    const install = ['install', '-y', '--no-install-recommends', '-q', ...packages]
    for (const args of [['update', '-q'], install]) {
      const env = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
      const result = await run('apt-get', args, { timeoutMs: end - performance.now(), env })
      last = result.code === 0 ? '' : result.output.trim().split('\n').slice(-5).join('\n')
    }
    if (last === '') return null
  }
  return `apt-get could not install ${names}:\n${last}`
}
