// Processes known by a pid file: a stubborn one is ended by force, a stranger is never touched.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { aliveBrokers } from '../../../scripts/lib/servers/kafka-probe.mjs'
import { end, isFree, launch, pidOf, signal } from '../../../scripts/lib/servers/processes.mjs'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'healstream-processes-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

async function start(script: string): Promise<{ pidFile: string; mark: string }> {
  const known = { pidFile: join(folder, 'x.pid'), mark: join(folder, 'mark') }
  await launch({
    ...known,
    command: process.execPath,
    args: ['-e', script, known.mark],
    logFile: join(folder, 'x.log'),
    cwd: folder,
    detached: true,
  })
  return known
}
const idle = 'setInterval(() => {}, 1000)'

describe('processes', () => {
  test('ends by SIGTERM, and a second time there is nothing to end', async () => {
    const known = await start(idle)
    expect(pidOf(known)).not.toBeNull()
    expect(await end(known, 5000)).toBe('ended')
    expect([pidOf(known), await end(known, 5000)]).toEqual([null, 'not running'])
  })

  test('one that does not listen is ended by force, a paused one too', async () => {
    const deaf = await start(`process.on('SIGTERM', () => {}); ${idle}`)
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(await end(deaf, 200)).toBe('killed')
    const paused = await start(idle)
    signal(paused, 'SIGSTOP')
    expect(await end(paused, 5000)).toBe('ended')
  })

  // After a restart of the machine the pid of an old file belongs to another program.
  test('a stranger that has the pid by now is left alone', async () => {
    const stranger = spawn('sleep', ['60'], { stdio: 'ignore' })
    try {
      const known = { pidFile: join(folder, 'x.pid'), mark: join(folder, 'mark') }
      writeFileSync(known.pidFile, `${stranger.pid}\n`)
      expect(pidOf(known)).toBeNull()
      expect([signal(known, 'SIGKILL'), await end(known, 100)]).toEqual([false, 'not running'])
      expect([stranger.exitCode, stranger.signalCode]).toEqual([null, null])
    } finally {
      stranger.kill('SIGKILL')
    }
  })

  test.each(['', 'x', '-1', '1', '0'])('a pid file of %j names nobody', async (text) => {
    writeFileSync(join(folder, 'x.pid'), text)
    expect(pidOf({ pidFile: join(folder, 'x.pid'), mark: '' })).toBeNull()
  })

  test('a command that does not exist', async () => {
    const known = { pidFile: join(folder, 'x.pid'), mark: 'x' }
    const files = { logFile: join(folder, 'x.log'), cwd: folder, detached: true }
    const wrong = launch({ ...known, ...files, command: 'no-such-command', args: [] })
    await expect(wrong).rejects.toThrow('no-such-command')
  })
})

describe('asking a port whether it is Kafka', () => {
  let server: Server
  const listen = async (onData: (socket: Socket) => void): Promise<number> => {
    server = createServer((socket) => {
      socket.on('error', () => {})
      onData(socket)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }
  const ask = (port: number, withinMs = 2000) =>
    aliveBrokers({ name: 'X', protocol: 'PLAINTEXT', host: '127.0.0.1', port }, withinMs)
  afterEach(() => {
    server.close()
  })

  test('one that says nothing', async () => {
    const port = await listen((socket) => socket.resume())
    await expect(ask(port, 200)).rejects.toThrow('does not answer')
    expect(await isFree(port)).toBe(false)
  })

  test('one that closes', async () => {
    const port = await listen((socket) => socket.end())
    await expect(ask(port)).rejects.toThrow(/closed|ECONNRESET|EPIPE/)
  })

  test('one that speaks HTTP', async () => {
    const port = await listen((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    await expect(ask(port, 300)).rejects.toThrow(/closed|ECONNRESET|EPIPE|does not answer/)
  })

  test('an answer of another request', async () => {
    const port = await listen((socket) => socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 9])))
    await expect(ask(port)).rejects.toThrow('something else')
  })

  test('nobody', async () => {
    const port = await listen(() => {})
    await new Promise((resolve) => server.close(resolve))
    await expect(ask(port)).rejects.toThrow('ECONNREFUSED')
    expect(await isFree(port)).toBe(true)
  })
})
