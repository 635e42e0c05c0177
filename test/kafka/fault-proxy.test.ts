// The relay itself, between a client and a broker that both speak nothing but frames.
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import type { Fault } from '../conformance/rig.ts'
import { FaultProxy } from '../support/fault-proxy.ts'
import { correlationIdOf, FrameSplitter, withAddresses } from '../support/kafka-frames.ts'

const PRODUCE = 0
const FETCH = 1

const framed = (...parts: readonly Buffer[]): Buffer => {
  const length = Buffer.alloc(4)
  length.writeInt32BE(Buffer.concat(parts).length)
  return Buffer.concat([length, ...parts])
}

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

const text = (value: string): Buffer => {
  const length = Buffer.alloc(2)
  length.writeInt16BE(value.length)
  return Buffer.concat([length, Buffer.from(value)])
}

function request(apiKey: number, correlationId: number, body: Buffer = Buffer.alloc(0)): Buffer {
  return framed(Buffer.from([0, apiKey, 0, 7]), int32(correlationId), body)
}

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

interface Echo {
  readonly address: string
  /** Frames as they came, over all connections. */
  readonly received: Buffer[]
  readonly sockets: Socket[]
}

/** A broker that answers every request with its correlation id and its body. */
async function echo(): Promise<Echo> {
  const received: Buffer[] = []
  const sockets: Socket[] = []
  const server: Server = createServer((socket) => {
    const frames = new FrameSplitter()
    sockets.push(socket)
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      for (const frame of frames.push(chunk)) {
        received.push(frame)
        socket.write(framed(frame.subarray(8)))
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closers.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  return { address: `127.0.0.1:${port}`, received, sockets }
}

class Client {
  readonly socket: Socket
  readonly answers: Buffer[] = []
  #isClosed = false

  constructor(proxy: FaultProxy) {
    const [, port] = proxy.brokers[0]?.split(':') ?? []
    this.socket = connect({ port: Number(port), host: '127.0.0.1', noDelay: true })
    const frames = new FrameSplitter()
    this.socket.on('data', (chunk) => this.answers.push(...frames.push(chunk)))
    this.socket.on('error', () => {})
    this.socket.on('close', () => {
      this.#isClosed = true
    })
    closers.push(() => this.socket.destroy())
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  get ids(): readonly number[] {
    return this.answers.map(correlationIdOf)
  }

  ask(apiKey: number, id: number): void {
    this.socket.write(request(apiKey, id))
  }
}

async function rig(): Promise<{ proxy: FaultProxy; broker: Echo; client: Client }> {
  const broker = await echo()
  const proxy = await FaultProxy.start([broker.address])
  closers.push(() => proxy.close())
  return { proxy, broker, client: new Client(proxy) }
}

const until = (isTrue: () => boolean): Promise<void> =>
  expect.poll(isTrue, { timeout: 5_000, interval: 2 }).toBe(true)
const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 30))
const idsAt = ({ received }: Echo): readonly number[] => received.map((f) => f.readInt32BE(8))

const bodies = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 30 })
const cuts = fc.infiniteStream(fc.integer({ min: 1, max: 80 }))

function* chunked(bytes: Buffer, sizes: Iterator<number>): Generator<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    const size: number = sizes.next().value
    yield bytes.subarray(at, at + size)
    at += size
  }
}

test('a stream comes out as the frames it was made of, however it is chunked', () => {
  fc.assert(
    fc.property(bodies, cuts, (all, sizes) => {
      const sent = all.map((body, i) => request(PRODUCE, i, Buffer.from(body)))
      const frames = new FrameSplitter()
      const found = [...chunked(Buffer.concat(sent), sizes)].flatMap((part) => frames.push(part))
      expect(Buffer.concat(found).equals(Buffer.concat(sent))).toBe(true)
      expect(found.length).toBe(sent.length)
    }),
  )
})

test('requests and answers pass unchanged and in order, however they are chunked', async () => {
  const { broker, client } = await rig()
  const property = fc.asyncProperty(bodies, cuts, async (all, sizes) => {
    broker.received.length = 0
    client.answers.length = 0
    const sent = all.map((body, i) => request(FETCH, i, Buffer.from(body)))
    for (const part of chunked(Buffer.concat(sent), sizes)) {
      client.socket.write(part)
      if (part.length % 7 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await until(() => client.answers.length === all.length)
    expect(Buffer.concat(broker.received).equals(Buffer.concat(sent))).toBe(true)
    const expected = Buffer.concat(sent.map((frame) => framed(frame.subarray(8))))
    expect(Buffer.concat(client.answers).equals(expected)).toBe(true)
  })
  await fc.assert(property, { numRuns: 50 })
})

test.each<[Fault, number[], number[]]>([
  ['lose request', [1, 3], [1, 3]],
  ['lose answer', [1, 2, 3], [1, 3]],
  ['double', [1, 2, 2, 3], [1, 2, 3]],
  ['hold request', [1, 3, 2], [1, 3, 2]],
  ['hold answer', [1, 2, 3], [1, 3, 2]],
])('%s: the second request alone meets it', async (fault, arrived, answered) => {
  const { proxy, broker, client } = await rig()
  client.ask(PRODUCE, 1)
  await until(() => client.ids.length === 1)
  const disturbance = proxy.disturb('Produce', fault)
  client.ask(PRODUCE, 2)
  await disturbance.met
  client.ask(PRODUCE, 3)
  await until(() => client.ids.includes(3))
  await disturbance.release()
  await until(() => client.ids.length === answered.length)
  await soon()
  expect(idsAt(broker)).toEqual(arrived)
  expect(client.ids).toEqual(answered)
})

test('only the kind asked for, as often as asked for', async () => {
  const { proxy, broker, client } = await rig()
  const disturbance = proxy.disturb('Produce', 'lose request', 2)
  for (const [i, apiKey] of [FETCH, PRODUCE, FETCH, PRODUCE, PRODUCE].entries())
    client.ask(apiKey, i)
  await disturbance.met
  await until(() => client.ids.length === 3)
  expect(idsAt(broker)).toEqual([0, 2, 4])
})

test('a held request arrives when the client has long hung up', async () => {
  const { proxy, broker, client } = await rig()
  const held = proxy.disturb('Produce', 'hold request')
  client.ask(PRODUCE, 1)
  await held.met
  client.socket.destroy()
  await until(() => client.isClosed)
  await soon()
  await held.release()
  expect(idsAt(broker)).toEqual([1])
  await until(() => broker.sockets.every((socket) => socket.readableEnded))
})

test('cut: nothing passes and nothing is closed; restored: what is sent from then on', async () => {
  const { proxy, broker, client } = await rig()
  client.ask(FETCH, 1)
  await until(() => client.ids.length === 1)
  const held = proxy.disturb('Fetch', 'hold answer')
  client.ask(FETCH, 2)
  await until(() => broker.received.length === 2)
  proxy.cut()
  client.ask(FETCH, 3)
  const late = new Client(proxy)
  late.ask(FETCH, 4)
  await soon()
  await held.release()
  proxy.restore()
  client.ask(FETCH, 5)
  late.ask(FETCH, 6)
  await until(() => client.ids.length === 2 && late.ids.length === 1)
  expect([client.ids, late.ids]).toEqual([[1, 5], [6]])
  expect(idsAt(broker).toSorted()).toEqual([1, 2, 5, 6])
  expect([client.isClosed, late.isClosed]).toEqual([false, false])
})

test('in a cut the broker does not hear that the client hung up', async () => {
  const { proxy, broker, client } = await rig()
  client.ask(FETCH, 1)
  await until(() => client.ids.length === 1)
  proxy.cut()
  client.socket.destroy()
  await soon()
  expect(broker.sockets.map((socket) => socket.readableEnded)).toEqual([false])
})

test('half-open: one direction alone is dead, and nobody is told', async () => {
  const { proxy, broker, client } = await rig()
  proxy.cut(undefined, 'to client')
  client.ask(FETCH, 1)
  await until(() => broker.received.length === 1)
  await soon()
  expect(client.ids).toEqual([])
  proxy.restore()
  proxy.cut(undefined, 'to broker')
  client.ask(FETCH, 2)
  await soon()
  expect(idsAt(broker)).toEqual([1])
  proxy.restore()
  client.ask(FETCH, 3)
  await until(() => client.ids.length === 1)
  expect([client.ids, idsAt(broker), client.isClosed]).toEqual([[3], [1, 3], false])
})

test('slow: delays are kept apart from order, and a rate holds back what is long', async () => {
  const { proxy, client } = await rig()
  proxy.slow({ delayMs: 20, jitterMs: 30, bytesPerSecond: null })
  let startMs = performance.now()
  for (let id = 1; id <= 20; id++) client.ask(FETCH, id)
  await until(() => client.ids.length === 20)
  expect(client.ids).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
  expect(performance.now() - startMs).toBeGreaterThan(39)
  proxy.slow({ delayMs: 0, jitterMs: 0, bytesPerSecond: 10_000 })
  startMs = performance.now()
  client.socket.write(request(FETCH, 21, Buffer.alloc(1_000)))
  await until(() => client.ids.length === 21)
  // There and back.
  expect(performance.now() - startMs).toBeGreaterThan(190)
  proxy.slow(null)
  client.ask(FETCH, 22)
  await until(() => client.ids.length === 22)
})

test('a cut drops what a slow way still holds, and what comes afterwards is answered', async () => {
  const { proxy, broker, client } = await rig()
  proxy.slow({ delayMs: 30, jitterMs: 0, bytesPerSecond: null })
  client.ask(FETCH, 1)
  await soon()
  proxy.cut()
  await soon()
  await soon()
  proxy.slow(null)
  proxy.restore()
  client.ask(FETCH, 2)
  await until(() => client.ids.length === 1)
  expect(client.ids).toEqual([2])
  expect(idsAt(broker).at(-1)).toBe(2)
})

test('requests that were never answered are told of when the client is gone', async () => {
  const { proxy, client } = await rig()
  const told: number[] = []
  proxy.onUnanswered('Produce', (frame) => told.push(frame.readInt32BE(8)))
  client.ask(PRODUCE, 1)
  await until(() => client.ids.length === 1)
  const held = proxy.disturb('Produce', 'hold request')
  client.ask(PRODUCE, 2)
  client.ask(FETCH, 3)
  await held.met
  await until(() => client.ids.includes(3))
  client.socket.destroy()
  await until(() => told.length === 1)
  await held.release()
  await soon()
  expect(told).toEqual([2])
})

test('reset ends connections; a broker that ends one ends the client’s', async () => {
  const { proxy, broker, client } = await rig()
  client.ask(FETCH, 1)
  await until(() => client.ids.length === 1)
  proxy.reset()
  await until(() => client.isClosed)
  const other = new Client(proxy)
  other.ask(FETCH, 2)
  await until(() => other.ids.length === 1)
  for (const socket of broker.sockets) socket.destroy()
  await until(() => other.isClosed)
})

test('addresses in Metadata and FindCoordinator answers are replaced, the rest is kept', () => {
  const none = Buffer.from([0xff, 0xff])
  const node = (id: number, host: string, port: number): Buffer =>
    Buffer.concat([int32(id), text(host), int32(port)])
  const replace = ({ host, port }: { host: string; port: number }): typeof address => {
    expect(host).toBe('kafka.example')
    return { host: 'relay', port: port + 1 }
  }
  const address = { host: '', port: 0 }
  const head = Buffer.concat([int32(77), int32(5)])
  const metadata = (host: string, plus: number): Buffer =>
    framed(
      head,
      int32(2),
      Buffer.concat([node(1, host, 9 + plus), text('rack'), node(2, host, 19 + plus), none]),
      Buffer.from('cluster and topics'),
    )
  const asked = { apiKey: 3, apiVersion: 6, correlationId: 77 }
  const changed = withAddresses(metadata('kafka.example', 0), asked, replace)
  expect(changed.equals(metadata('relay', 1))).toBe(true)
  const coordinator = (host: string, port: number): Buffer =>
    framed(head, Buffer.from([0, 0]), none, node(3, host, port))
  const found = { apiKey: 10, apiVersion: 2, correlationId: 77 }
  const moved = withAddresses(coordinator('kafka.example', 9), found, replace)
  expect(moved.equals(coordinator('relay', 10))).toBe(true)
  const nobody = framed(head, Buffer.from([0, 15]), text('none'), node(-1, '', -1))
  expect(withAddresses(nobody, found, replace).equals(nobody)).toBe(true)
  expect(() => withAddresses(nobody, { ...found, apiVersion: 4 }, replace)).toThrow('FindCoord')
})
