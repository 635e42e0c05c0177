// The endpoint as a client meets it: over real sockets, with right, wrong and missing tokens,
// foreign Host headers, bodies that are too large or no JSON, streams whose client leaves, a port
// that is taken.
import { request } from 'node:http'
import { createServer } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { healthRoutes } from '../../../src/adapters/http/health-routes.ts'
import { startHttpServer, STREAMS_MAX } from '../../../src/adapters/http/server.ts'
import type { HttpRoute, HttpServer } from '../../../src/adapters/http/server.ts'
import { HsError } from '../../../src/contracts/failure.ts'

const TOKEN = 'right-token'
const AUTH = { authorization: `Bearer ${TOKEN}` }
const open: HttpServer[] = []
afterEach(async () => {
  for (const server of open.splice(0)) await server.close()
})

async function serve(routes: readonly HttpRoute[], onDefect?: (error: unknown) => void) {
  const server = await startHttpServer({
    port: 0,
    token: TOKEN,
    routes,
    ...(onDefect === undefined ? {} : { onDefect }),
  })
  open.push(server)
  return server
}

/** fetch() does not let a Host header through; node:http does. */
function raw(port: number, path: string, headers: Record<string, string>) {
  return new Promise<{ status: number; body: string }>((resolve, reject) => {
    const call = request({ port, host: '127.0.0.1', path, headers }, (answer) => {
      let body = ''
      answer.on('data', (chunk) => (body += chunk))
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }))
    })
    call.on('error', reject)
    call.end()
  })
}

const echo: HttpRoute = {
  method: 'POST',
  path: '/v1/echo/:id',
  handle: ({ params, query, body }) => ({ kind: 'json', body: { params, query, body } }),
}

test('a request with the token is answered, with parameters, query and body', async () => {
  const { url } = await serve([echo])
  const answer = await fetch(`${url}/v1/echo/a%2Fb?x=1&x=2`, {
    method: 'POST',
    headers: { ...AUTH, 'content-type': 'application/json' },
    body: '{"a":[1]}',
  })
  expect(answer.status).toBe(200)
  expect(await answer.json()).toEqual({
    params: { id: 'a/b' },
    query: { x: '1' },
    body: { a: [1] },
  })
})

test.each([
  ['no token', {}],
  ['a wrong token', { authorization: 'Bearer wrong-token' }],
  ['a token of another length', { authorization: `Bearer ${TOKEN}x` }],
  ['the bare token', { authorization: TOKEN }],
])('%s is refused with a code and what to do', async (_name, headers) => {
  const { url } = await serve([echo])
  const answer = await fetch(`${url}/v1/echo/a`, { method: 'POST', headers })
  expect(answer.status).toBe(401)
  expect(await answer.json()).toMatchObject({
    error: { code: 'HS_UNAUTHORIZED', fix: expect.stringContaining('token file') },
  })
})

test('a Host header of another name is refused even with the token (DNS rebinding)', async () => {
  const { port } = await serve([{ ...echo, method: 'GET' }])
  for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1.evil.example']) {
    const answer = await raw(port, '/v1/echo/a', { ...AUTH, host })
    expect([400, 401]).toContain(answer.status)
    expect(answer.body).not.toContain('params')
  }
  for (const host of ['localhost', `127.0.0.1:${port}`, `[::1]:${port}`])
    expect(await raw(port, '/v1/echo/a', { ...AUTH, host })).toMatchObject({ status: 200 })
})

test('the health routes need no token and tell what is not ready', async () => {
  const waiting: string[] = ['projector: reads from the start']
  const { url } = await serve(
    healthRoutes({ notReady: () => waiting, metrics: () => 'healstream_up 1\n' }),
  )
  for (const path of ['/livez', '/health', '/healthz'])
    expect((await fetch(`${url}${path}`)).status, `C-04: ${path}`).toBe(200)
  const before = await fetch(`${url}/readyz`)
  expect([before.status, await before.json()]).toEqual([503, { ready: false, waiting }])
  waiting.length = 0
  expect((await fetch(`${url}/readyz`)).status).toBe(200)
  const metrics = await fetch(`${url}/metrics`)
  expect(metrics.headers.get('content-type')).toContain('text/plain')
  expect(await metrics.text()).toBe('healstream_up 1\n')
})

test('a body over 1 MiB and a body that is no JSON are usage errors', async () => {
  const { url } = await serve([echo])
  const post = async (body: string) => {
    const headers = { ...AUTH, 'content-type': 'application/json' }
    const answer = await fetch(`${url}/v1/echo/a`, { method: 'POST', headers, body })
    return { status: answer.status, body: await answer.json() }
  }
  const large = await post(JSON.stringify('x'.repeat(1_100_000)))
  expect(large).toMatchObject({ status: 400, body: { error: { code: 'HS_USAGE' } } })
  expect((await post('{"a":')).body).toMatchObject({ error: { code: 'HS_USAGE' } })
})

test('a failure keeps its code and fix; a defect tells nothing, but is heard of', async () => {
  const defects: unknown[] = []
  const fail = (path: string, error: Error): HttpRoute => ({
    method: 'GET',
    path,
    open: true,
    handle: () => {
      throw error
    },
  })
  const { url } = await serve(
    [
      fail('/known', new HsError('HS_NOT_FOUND', 'no incident x')),
      fail('/defect', new Error('secret inside')),
    ],
    (error) => defects.push(error),
  )
  const known = await fetch(`${url}/known`)
  expect(known.status).toBe(404)
  expect(await known.json()).toEqual({
    error: {
      code: 'HS_NOT_FOUND',
      message: 'no incident x',
      fix: 'List what exists with `healstream get`.',
    },
  })
  const defect = await fetch(`${url}/defect`)
  expect(defect.status).toBe(500)
  expect(await defect.text()).not.toContain('secret')
  expect(defects).toHaveLength(1)
  expect((await fetch(`${url}/nowhere`)).status).toBe(404)
})

test('a taken port is said so', async () => {
  const holder = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => holder.once('listening', resolve))
  const address = holder.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  try {
    await expect(startHttpServer({ port, token: TOKEN, routes: [] })).rejects.toMatchObject({
      code: 'HS_PORT_IN_USE',
      message: `port ${port} on 127.0.0.1 is in use`,
    })
  } finally {
    holder.close()
  }
})

/** Counts until its signal aborts; `ended` resolves when it stopped. */
function ticking() {
  let end: () => void = () => undefined
  const ended = new Promise<void>((resolve) => (end = resolve))
  async function* lines(signal: AbortSignal) {
    try {
      for (let n = 0; !signal.aborted; n++) {
        yield { n, bytes: new Uint8Array([255, 0]) }
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    } finally {
      end()
    }
  }
  const route: HttpRoute = {
    method: 'GET',
    path: '/lines',
    handle: ({ signal }) => ({ kind: 'lines', lines: lines(signal) }),
  }
  return { route, ended }
}

test('a stream is one document per line and ends when its client leaves', async () => {
  const { route, ended } = ticking()
  const { url } = await serve([route])
  const leave = new AbortController()
  const answer = await fetch(`${url}/lines`, { headers: AUTH, signal: leave.signal })
  expect(answer.headers.get('content-type')).toBe('application/x-ndjson')
  const reader = answer.body?.getReader()
  const first = new TextDecoder().decode((await reader?.read())?.value)
  expect(JSON.parse(first.split('\n')[0] ?? '')).toEqual({ n: 0, bytes: 'ff00' })
  leave.abort()
  await ended
})

test('the number of streams is bounded and a place is free again after one has left', async () => {
  const { route } = ticking()
  const { url } = await serve([route])
  const clients = Array.from({ length: STREAMS_MAX }, () => new AbortController())
  for (const client of clients)
    expect((await fetch(`${url}/lines`, { headers: AUTH, signal: client.signal })).status).toBe(200)
  expect((await fetch(`${url}/lines`, { headers: AUTH })).status).toBe(503)
  clients[0]?.abort()
  await expect
    .poll(async () => {
      const client = new AbortController()
      clients.push(client)
      const call = await fetch(`${url}/lines`, { headers: AUTH, signal: client.signal })
      return call.status
    })
    .toBe(200)
  for (const client of clients) client.abort()
})

test('closing ends open streams', async () => {
  const { route, ended } = ticking()
  const server = await startHttpServer({ port: 0, token: TOKEN, routes: [route] })
  const answer = await fetch(`${server.url}/lines`, { headers: AUTH })
  const text = answer.text().catch(() => 'cut')
  await server.close()
  await ended
  await text
})
