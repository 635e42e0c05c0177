// The frame of a demo service over real HTTP: what counts as a failure, and who may break it.
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { stock } from '../../../../src/roles/demo/service/handlers.ts'
import { DemoService, type Handler } from '../../../../src/roles/demo/service/service.ts'
import type { Outcome } from '../../../../src/runtime/agent/intake-client.ts'
import { systemClock as clock } from '../../../../src/runtime/clock.ts'

const recorded: Outcome[] = []
let service: DemoService
let port = 0

async function start(handler: Handler = stock): Promise<void> {
  recorded.length = 0
  const intake = { record: (outcome: Outcome) => void recorded.push(outcome) }
  const names = { service: 'stock', instance: 'stock-1' }
  service = new DemoService({ ...names, port: 0, handler, intake, token: 'secret', clock })
  port = await service.listen()
}

beforeEach(() => start())
afterEach(() => service.close())

const url = (path: string): string => `http://127.0.0.1:${port}${path}`
const ask = async (path: string): Promise<number> => (await fetch(url(path))).status
const fault = async (kind: string, token: string = 'secret'): Promise<number> => {
  const headers = { authorization: `Bearer ${token}` }
  return (await fetch(url(`/fault?kind=${kind}`), { method: 'POST', headers })).status
}

test('work is counted by operation, health and unknown paths are not', async () => {
  expect(await ask('/health')).toBe(200)
  expect(await ask('/stock/apple')).toBe(200)
  expect(await ask('/nothing')).toBe(404)
  expect(recorded.map(({ operation, ok }) => [operation, ok])).toEqual([['GET /stock', true]])
  expect(recorded[0]?.latencyUs).toBeGreaterThan(1_500)
})

describe('the fault switch', () => {
  test('needs the token', async () => {
    expect(await fault('errors', 'wrong')).toBe(401)
    expect(await fault('errors', '')).toBe(401)
    expect(await ask('/stock/apple')).toBe(200)
  })

  test('knows its kinds', async () => {
    expect(await fault('explode')).toBe(400)
  })

  test('errors: work fails, health stays well, until it is switched off', async () => {
    expect(await fault('errors')).toBe(200)
    expect(await ask('/stock/apple')).toBe(500)
    expect(await ask('/health')).toBe(200)
    expect(await fault('none')).toBe(200)
    expect(await ask('/stock/apple')).toBe(200)
    expect(recorded.map(({ ok }) => ok)).toEqual([false, true])
  })

  test('slow: work takes 1.5 s longer, health does not', async () => {
    await fault('slow')
    const slow = ask('/stock/apple')
    const startedMs = performance.now()
    expect(await ask('/health')).toBe(200)
    expect(performance.now() - startedMs).toBeLessThan(1_000)
    expect(await slow).toBe(200)
    expect(recorded[0]?.latencyUs).toBeGreaterThan(1_490_000)
  })
})

test('a service behind that does not answer makes the work fail', async () => {
  await service.close()
  await start(() => Promise.reject(new Error('nobody there')))
  expect(await ask('/buy')).toBe(503)
  expect(recorded.map(({ ok }) => ok)).toEqual([false])
})

test('a request line that is no URL does not end the service', async () => {
  const socket = connect({ host: '127.0.0.1', port })
  socket.write('GET // HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
  const said = await new Promise<string>((resolve) => {
    let text = ''
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString()
    })
    socket.on('close', () => resolve(text))
  })
  expect(said).toMatch(/^HTTP\/1.1 404/)
  expect(await ask('/health')).toBe(200)
})
