// Plain requests: what counts as an answer, and what as none.
import http from 'node:http'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { ask, checkedUrl, RegistryDown } from '../../../src/adapters/serde/registry-http.ts'
import { HsError } from '../../../src/contracts/failure.ts'

let server: http.Server
let reply: (response: http.ServerResponse) => void
beforeEach(async () => {
  server = http.createServer((_request, response) => reply(response))
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
})
afterEach(() => {
  server.closeAllConnections()
  server.close()
})

function get() {
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const options = { url: `http://127.0.0.1:${port}`, prefix: 'hs.', deadlineMs: 500 }
  return ask(options, 'x-value', { method: 'GET', path: '/config/x-value' })
}

const answers = (status: number, text: string) => (response: http.ServerResponse) => {
  response.writeHead(status).end(text)
}

it.each([
  [200, '{"a":1}', { status: 200, body: { a: 1 } }],
  [404, '{"error_code":40408}', { status: 404, body: { error_code: 40_408 } }],
  [404, 'not here', { status: 404, body: null }],
  [409, '{"message":"no"}', { status: 409, body: { message: 'no' } }],
])('%i %s is an answer', async (status, text, expected) => {
  reply = answers(status, text)
  expect(await get()).toEqual(expected)
})

it.each([500, 503, 408, 429])('%i means: not now', async (status) => {
  reply = answers(status, '{}')
  await expect(get()).rejects.toBeInstanceOf(RegistryDown)
})

it.each([
  [401, '{}'],
  [403, '{}'],
  [200, '<html>'],
])('%i %s is a refusal', async (status, text) => {
  reply = answers(status, text)
  await expect(get()).rejects.toBeInstanceOf(HsError)
})

// It could lead a password to another host.
it('is not led elsewhere', async () => {
  reply = (response) => {
    response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end()
  }
  await expect(get()).rejects.toThrow(RegistryDown)
})

it('an address: no user, no password, no slash at its end', () => {
  expect(checkedUrl('http://127.0.0.1:8081/apis/v7//')).toBe('http://127.0.0.1:8081/apis/v7')
  for (const url of ['x', 'ftp://a', 'http://u@a', 'http://u:s3cret@a'])
    expect(() => checkedUrl(url)).toThrow(/^the schema registry is not named by an http/)
})
