// Redis, or Valkey, in memory alone: views in it can be thrown away (docs/DESIGN.md, law 1).
import { connect } from 'node:net'
import { firstOnPath } from './packages.mjs'

export const REDIS_PROGRAMS = /** @type {const} */ (['redis-server', 'valkey-server'])

/** @param {number} port @returns {Promise<boolean>} whether PING is answered by PONG */
function pings(port) {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write('PING\r\n'))
    socket.setTimeout(2000, () => socket.destroy())
    socket.once('data', (chunk) => {
      resolve(chunk.toString('latin1').startsWith('+PONG'))
      socket.destroy()
    })
    socket.once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
  })
}

/** @type {import('./service.mjs').Service} */
export const REDIS = {
  kind: 'Redis',
  readyMs: 20_000,
  mark: (folder) => `--dir ${folder}`,
  launch: (folder, port) => {
    const args = ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder, '--save', '']
    // Else it would write its command line anew, and we should not know it again (from 6.2 on).
    args.push('--set-proc-title', 'no')
    return { command: firstOnPath(REDIS_PROGRAMS) ?? REDIS_PROGRAMS[0], args }
  },
  serves: pings,
}
