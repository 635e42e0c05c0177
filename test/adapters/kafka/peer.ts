// A TCP (or TLS) server that reads Kafka's requests and answers as a test wants: late, half, never,
// with garbage. It speaks just enough of the protocol for a connection to be opened.
import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import { systemClock } from '../../../src/runtime/clock.ts'
import { ByteWriter } from '../../../src/adapters/kafka/requests/bytes.ts'
import { kafkaRequest } from '../../../src/adapters/kafka/requests/codec.ts'
import type { KafkaRequest } from '../../../src/adapters/kafka/wire.ts'

export interface Asked {
  readonly apiKey: number
  readonly apiVersion: number
  readonly correlationId: number
  readonly clientId: string
  /** What follows the client id. */
  readonly rest: Buffer
  readonly socket: Socket
}

/** A body for an answer at once, null for none. */
export type Respond = (asked: Asked) => Buffer | null

export interface Peer {
  readonly address: { readonly host: string; readonly port: number }
  /** When each connection came, monotonic. */
  readonly connectedMs: readonly number[]
  /** All but ApiVersions. */
  readonly asked: readonly Asked[]
  close(): Promise<void>
}

export interface PeerOptions {
  readonly respond?: Respond
  readonly tls?: TlsOptions
  /** Instead of reading requests. */
  readonly onConnect?: (socket: Socket) => void
  /** Version range of every API. */
  readonly versions?: readonly [number, number]
  /** Default: any free one. */
  readonly port?: number
}

export function frame(correlationId: number, body: Buffer): Buffer {
  const head = Buffer.alloc(8)
  head.writeInt32BE(4 + body.length, 0)
  head.writeInt32BE(correlationId, 4)
  return Buffer.concat([head, body])
}

export function versionsAnswer([min, max]: readonly [number, number]): Buffer {
  const body = new ByteWriter()
  const keys = Array.from({ length: 60 }, (_, key) => key)
  return body
    .int16(0)
    .array(keys, (key) => {
      const own = key === 17 || key === 36 || key === 18
      body
        .int16(key)
        .int16(own ? 0 : min)
        .int16(own ? 2 : max)
    })
    .int32(0)
    .finish()
}

/** An API of no meaning: sends `body`, gives the body of the answer. */
export function echo(body: string, options: Partial<KafkaRequest<unknown>> = {}) {
  return {
    ...kafkaRequest(
      { apiKey: 50, apiVersion: 5, apiName: 'Echo' },
      (to) => to.string(body),
      (from) => from.string(),
    ),
    ...options,
  }
}

export function text(value: string): Buffer {
  return new ByteWriter().string(value).finish()
}

/** The string an `echo` sent, sent back. */
export const echoed: Respond = ({ rest }) => rest

export async function startPeer(options: PeerOptions = {}): Promise<Peer> {
  const { respond = echoed, versions = [0, 9] } = options
  const connectedMs: number[] = []
  const asked: Asked[] = []
  const sockets = new Set<Socket>()
  const onSocket = (socket: Socket): void => {
    connectedMs.push(systemClock.monotonicMs())
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    if (options.onConnect !== undefined) return options.onConnect(socket)
    readRequests(socket, (request) => {
      if (request.apiKey === 18)
        return void socket.write(frame(request.correlationId, versionsAnswer(versions)))
      asked.push(request)
      const body = respond(request)
      if (body !== null) socket.write(frame(request.correlationId, body))
    })
  }
  const server: Server =
    options.tls === undefined ? createServer(onSocket) : createTlsServer(options.tls, onSocket)
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    address: { host: '127.0.0.1', port },
    connectedMs,
    asked,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function readRequests(socket: Socket, emit: (asked: Asked) => void): void {
  let held = Buffer.alloc(0)
  socket.on('data', (chunk) => {
    held = Buffer.concat([held, chunk])
    while (held.length >= 4 && held.length >= 4 + held.readInt32BE(0)) {
      const end = 4 + held.readInt32BE(0)
      const idEnd = 14 + held.readInt16BE(12)
      emit({
        apiKey: held.readInt16BE(4),
        apiVersion: held.readInt16BE(6),
        correlationId: held.readInt32BE(8),
        clientId: held.toString('utf8', 14, idEnd),
        rest: held.subarray(idEnd, end),
        socket,
      })
      held = held.subarray(end)
    }
  })
}

/** A port where nothing listens. */
export async function deadPort(): Promise<number> {
  const peer = await startPeer()
  await peer.close()
  return peer.address.port
}
