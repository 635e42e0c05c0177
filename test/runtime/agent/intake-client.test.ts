// The library in services, against the real intake: nothing it does or meets disturbs the service.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { IntakeClient } from '../../../src/runtime/agent/intake-client.ts'
import { IntakeServer } from '../../../src/runtime/agent/intake-server.ts'
import type {
  ConfigLine,
  CountsLine,
  MetricsLine,
} from '../../../src/runtime/agent/intake-protocol.ts'
import { tsArgv } from '../../support/ts.ts'

const ends: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

async function intake(port: number = 0) {
  const lines: (CountsLine & { readonly at: number })[] = []
  const told: (MetricsLine | ConfigLine)[] = []
  const refused: string[] = []
  const server = new IntakeServer({
    token: 't',
    port,
    serves: () => true,
    onCounts: (_, line) => lines.push({ ...line, at: performance.now() }),
    onMetrics: (_, line) => told.push(line),
    onConfig: (_, line) => told.push(line),
    onLost: () => undefined,
    onRefused: (reason) => refused.push(reason),
    onFailure: () => undefined,
  })
  const address = await server.listen()
  let open = true
  const close = async (): Promise<void> => {
    if (open) await server.close()
    open = false
  }
  ends.push(close)
  return { lines, told, refused, close, port: address.port }
}

function client(port: number, token: string = 't'): IntakeClient {
  const host = '127.0.0.1'
  const own = new IntakeClient({ host, port, token, service: 's', instance: 'i', servicePort: 80 })
  ends.push(() => own.close())
  return own
}

async function until(holds: () => boolean, ms: number = 4_000): Promise<void> {
  for (let i = 0; i < ms / 5 && !holds(); i++) await wait(5)
  expect(holds()).toBe(true)
}

const total = (lines: readonly CountsLine[]): number =>
  lines.reduce((sum, { batch }) => sum + batch.n, 0)

test('every request is counted once, by operation', async () => {
  const { lines, port } = await intake()
  const own = client(port)
  for (let i = 0; i < 1_000; i++) {
    own.record({ operation: i % 2 === 0 ? 'GET /a' : 'GET /b', ok: true, latencyUs: i })
    if (i % 100 === 0) await wait(10)
  }
  await until(() => total(lines) === 1_000)
  expect(new Set(lines.map(({ operation }) => operation))).toEqual(new Set(['GET /a', 'GET /b']))
  expect(own.dropped).toBe(0)
})

test('metrics and the configuration are told, bad ones passed over and counted', async () => {
  const { told, port, refused } = await intake()
  const own = client(port)
  own.config(7, 'abc')
  own.metric('queue_depth', 3)
  own.metric('queue_depth', 4)
  own.metric('gone', 1)
  own.metric('gone', Number.NaN)
  own.metric('a b', 1)
  own.metric('endless', Number.POSITIVE_INFINITY)
  own.metric('never', Number.NaN)
  own.config(-1)
  own.config(8, 'a b')
  expect(own.passedOver).toEqual({ count: 5, reason: 'hash is not 1 to 128 letters of a hash' })
  await until(() => told.length >= 2)
  expect(told[0]).toMatchObject({ version: 7, hash: 'abc' })
  const metrics = [{ name: 'queue_depth', value: 4 }]
  expect(told[1]).toMatchObject({ metrics, refusal: null })
  for (let i = 0; i < 40; i++) own.metric(`m${i}`, i)
  expect(own.passedOver).toEqual({ count: 14, reason: 'at most 32 are taken' })
  expect(refused).toEqual([])
})

test('an agent of before is told nothing that it would hang up on', async () => {
  const seen: string[] = []
  const server = createServer((socket) => {
    socket.on('data', (chunk: Buffer) => {
      seen.push(...chunk.toString().split('\n'))
      socket.write('{"t":"ok"}\n')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const own = client(typeof address === 'object' && address !== null ? address.port : 0)
  ends.push(() => void server.close())
  own.metric('queue_depth', 3)
  own.config(7)
  await wait(1_300)
  own.record({ operation: '', ok: true, latencyUs: 1 })
  await until(() => seen.some((line) => line.includes('"counts"')))
  const kinds = seen.filter((line) => line !== '').map((line) => JSON.parse(line).t)
  expect(new Set(kinds)).toEqual(new Set(['hello', 'counts']))
})

test('the first failure after a success is not kept for the batch', async () => {
  const { lines, port } = await intake()
  const own = client(port)
  own.record({ operation: '', ok: true, latencyUs: 1 })
  await until(() => lines.length > 0)
  const delays: number[] = []
  for (let i = 0; i < 5; i++) {
    const [before, at] = [lines.length, performance.now()]
    own.record({ operation: '', ok: false, latencyUs: 1 })
    await until(() => lines.length > before)
    delays.push((lines[before]?.at ?? 0) - at)
    own.record({ operation: '', ok: true, latencyUs: 1 })
    await wait(120)
  }
  delays.sort((a, b) => a - b)
  expect(delays[2]).toBeLessThan(30)
})

test('an agent that comes late or comes back gets what was kept', async () => {
  const first = await intake()
  const { port } = first
  await first.close()
  const own = client(port)
  for (let i = 0; i < 300; i++) {
    own.record({ operation: '', ok: i % 2 === 0, latencyUs: i })
    if (i % 10 === 0) await wait(5)
  }
  const second = await intake(port)
  await until(() => total(second.lines) === 300)
  await second.close()
  await wait(200)
  own.record({ operation: '', ok: true, latencyUs: 5 })
  const third = await intake(port)
  await until(() => total(third.lines) === 1)
})

test('without an agent the newest lines are kept and the rest is given up', async () => {
  const { port, close } = await intake()
  await close()
  const own = client(port)
  for (let line = 0; line < 70; line++) {
    for (let i = 0; i < 200; i++) {
      own.record({ operation: '', ok: true, latencyUs: 1.06 ** i })
    }
  }
  expect(own.dropped).toBeGreaterThan(0)
})

test('names that are no names and too many names do not end the connection', async () => {
  const { lines, refused, port } = await intake()
  const own = client(port)
  own.record({ operation: 'a\nb', ok: true, latencyUs: 1 })
  own.record({ operation: 'x'.repeat(10_000), ok: true, latencyUs: Number.NaN })
  for (let i = 0; i < 500; i++) own.record({ operation: `GET /${i}`, ok: true, latencyUs: 1 })
  await until(() => total(lines) === 502)
  expect(refused).toEqual([])
  expect(new Set(lines.map(({ operation }) => operation)).size).toBeLessThanOrEqual(65)
})

test('a wrong token is no error for the service; the reason can be asked for', async () => {
  const { port } = await intake()
  const own = client(port, 'wrong')
  await until(() => own.refusal !== null)
  own.record({ operation: '', ok: true, latencyUs: 1 })
  expect(own.refusal).toContain('token')
})

test('an agent that answers garbage or never reads does no harm', async () => {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined)
    socket.write('\x00garbage\n'.repeat(100))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  ends.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  const own = client(typeof address === 'object' && address !== null ? address.port : 0)
  for (let i = 0; i < 50; i++) {
    own.record({ operation: '', ok: i % 2 === 0, latencyUs: 1 })
    await wait(2)
  }
  expect(sockets.length).toBeGreaterThan(0)
})

test('the library does not keep a process alive', async () => {
  const { port } = await intake()
  const href = new URL('../../../src/runtime/agent/intake-client.ts', import.meta.url).href
  const script = `import { IntakeClient } from ${JSON.stringify(href)}
    const c = new IntakeClient({ host: '127.0.0.1', port: ${port}, token: 't', service: 's',
      instance: 'i', servicePort: 1 })
    c.record({ operation: '', ok: true, latencyUs: 1 })`
  const [node = '', ...args] = tsArgv('x').slice(0, 3)
  const child = spawn(node, [...args, '--input-type=module', '-e', script], { stdio: 'inherit' })
  const [code] = await once(child, 'exit')
  expect(code).toBe(0)
}, 20_000)
