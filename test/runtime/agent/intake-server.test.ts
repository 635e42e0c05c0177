// The intake over real sockets: who may speak, what ends a connection, and that one bad connection
// touches no other.
import { connect, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import {
  encodeConfig,
  encodeCounts,
  encodeHello,
  encodeMetrics,
} from '../../../src/runtime/agent/intake-protocol.ts'
import { type IntakeOptions, IntakeServer } from '../../../src/runtime/agent/intake-server.ts'
import { Tally } from '../../../src/runtime/agent/tally.ts'

const TOKEN = 'the-token'
const ends: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

interface Seen {
  readonly counts: string[]
  readonly metrics: string[]
  readonly lost: number[]
  readonly refused: string[]
  readonly failures: unknown[]
}

async function start(more: Partial<IntakeOptions> = {}) {
  const seen: Seen = { counts: [], metrics: [], lost: [], refused: [], failures: [] }
  const server = new IntakeServer({
    token: TOKEN,
    port: 0,
    serves: (service, instance) => service === 'shop' && instance.startsWith('shop-'),
    onCounts: (from, { batch }) => seen.counts.push(`${from.instance}:${batch.n}`),
    onMetrics: (from, { metrics, refusal }) => {
      seen.metrics.push(`${from.instance}:${metrics.map(({ name }) => name).join()}:${refusal}`)
    },
    onConfig: (from, { version, hash }) => seen.metrics.push(`${from.instance}:${version}:${hash}`),
    onLost: (from) => seen.lost.push(from.pid),
    onRefused: (reason) => seen.refused.push(reason),
    onFailure: (error) => seen.failures.push(error),
    ...more,
  })
  const { port } = await server.listen()
  ends.push(() => server.close())
  return { server, port, seen }
}

class Client {
  readonly socket: Socket
  said = ''
  readonly closed: Promise<unknown>

  constructor(port: number) {
    this.socket = connect({ host: '127.0.0.1', port })
    this.socket.on('data', (chunk: Buffer) => {
      this.said += chunk.toString()
    })
    this.socket.on('error', () => undefined)
    this.closed = new Promise((resolve) => this.socket.on('close', resolve))
    ends.push(() => {
      this.socket.destroy()
    })
  }

  hello(instance: string, pid: number = 1, token: string = TOKEN): this {
    this.socket.write(encodeHello({ token, service: 'shop', instance, pid, port: 80 }))
    return this
  }

  counts(n: number): this {
    const tally = new Tally()
    for (let i = 0; i < n; i++) tally.add({ ok: true, latencyUs: 1_000 })
    this.socket.write(encodeCounts({ operation: 'GET /', batch: tally.snapshot() }))
    return this
  }
}

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !holds(); i++) await wait(5)
  expect(holds()).toBe(true)
}

test('metrics and a configuration arrive; one that cannot be taken ends nothing', async () => {
  const { port, seen } = await start()
  const client = new Client(port).hello('shop-1')
  client.socket.write(
    encodeMetrics([
      { name: 'queue_depth', value: 5 },
      { name: 'a b', value: 1 },
    ]),
  )
  client.socket.write(encodeConfig({ version: 7, hash: 'abc' }))
  client.counts(3)
  await until(() => seen.counts.length === 1)
  const why = 'its name is not made of letters, digits, _ and :, no digit first'
  expect(seen.metrics).toEqual([`shop-1:queue_depth:${why}`, 'shop-1:7:abc'])
  expect(seen.refused).toEqual([])
})

test('counts arrive after hello, in order', async () => {
  const { server, port, seen } = await start()
  new Client(port).hello('shop-1', 42).counts(1).counts(2)
  await until(() => seen.counts.length === 2)
  expect(seen.counts).toEqual(['shop-1:1', 'shop-1:2'])
  expect(server.pid('shop', 'shop-1')).toBe(42)
  expect(server.pid('shop', 'shop-2')).toBeNull()
})

test.each([
  ['a wrong token', (c: Client) => c.hello('shop-1', 1, 'wrong'), 'token'],
  ['an instance of somebody else', (c: Client) => c.hello('stock-1'), 'does not serve'],
  ['counts before hello', (c: Client) => c.counts(1), 'no hello'],
  ['garbage', (c: Client) => c.socket.write('\x00\x01\n'), 'not JSON'],
  ['a line without end', (c: Client) => c.socket.write('x'.repeat(10_000)), 'longer than 4096'],
  ['garbage after hello', (c: Client) => c.hello('shop-1').socket.write('{}\n'), 'no counts'],
])('%s closes that connection with a reason, and no other', async (_, speak, reason) => {
  const { port, seen } = await start()
  const good = new Client(port).hello('shop-2').counts(1)
  await until(() => seen.counts.length === 1)
  const bad = new Client(port)
  speak(bad)
  await bad.closed
  expect(bad.said).toContain(reason)
  expect(seen.refused.join()).toContain(reason)
  good.counts(5)
  await until(() => seen.counts.length === 2)
  expect(seen.failures).toEqual([])
})

test('a connection that says nothing is closed', async () => {
  const { port, seen } = await start()
  await new Client(port).closed
  expect(seen.refused).toEqual(['no hello came in time'])
})

test('a broken connection is told once, a replaced or retired one is not', async () => {
  const { server, port, seen } = await start()
  const first = new Client(port).hello('shop-1', 1)
  await until(() => server.pid('shop', 'shop-1') === 1)
  new Client(port).hello('shop-1', 2)
  await first.closed
  expect(first.said).toContain('newer connection')
  expect(server.pid('shop', 'shop-1')).toBe(2)
  const third = new Client(port).hello('shop-2', 3).counts(1)
  await until(() => seen.counts.length === 1)
  server.retire('shop', 'shop-2')
  third.counts(9)
  await wait(50)
  third.socket.destroy()
  const fourth = new Client(port).hello('shop-3', 4).counts(1)
  await until(() => seen.counts.length === 2)
  fourth.socket.resetAndDestroy()
  await until(() => seen.lost.length === 1)
  expect(seen.lost).toEqual([4])
  expect(seen.counts).toEqual(['shop-2:1', 'shop-3:1'])
})

test('a defect of a listener is reported, not thrown into the socket', async () => {
  const boom = new Error('a defect')
  const onCounts = (): void => {
    throw boom
  }
  const { port, seen } = await start({ onCounts })
  new Client(port).hello('shop-1').counts(1)
  await until(() => seen.failures.length === 1)
  expect(seen.failures).toEqual([boom])
})

test('a port in use is named', async () => {
  const { port } = await start()
  await expect(start({ port })).rejects.toMatchObject({ code: 'HS_PORT_IN_USE' })
})
