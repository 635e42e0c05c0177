// One POST against a receiver that is well, slow, rude or not there.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { post } from '../../../src/adapters/notify/http-post.ts'
import { type Mood, Receiver } from '../../roles/notifier/receiver.ts'

const receiver = new Receiver()
let url = ''
beforeAll(async () => {
  url = await receiver.start()
})
afterAll(() => receiver.stop())

const never = new AbortController().signal
const send = (more: object = {}, signal: AbortSignal = never): Promise<void> => {
  const target = { url, timeoutMs: 150, tokenFile: null, ...more }
  return post(target, { json: { alerts: [] }, headers: { 'idempotency-key': 'k' } }, signal)
}

test.each([
  ['fails', 'again', null],
  ['refuses', 'refused', null],
  ['redirects', 'again', null],
  ['is busy', 'again', 0],
  ['is slow', 'again', null],
  ['loses its answer', 'again', null],
] as const)('a receiver that %s: %s', async (mood: Mood, refusal, afterMs) => {
  receiver.moods = [mood]
  await expect(send()).rejects.toMatchObject({ name: 'DeliveryError', refusal, afterMs })
})

test('one that takes it has it as sent', async () => {
  receiver.moods = ['takes']
  await send()
  expect(receiver.taken.at(-1)).toMatchObject({ key: 'k', path: '/', body: { alerts: [] } })
})

test('nobody there, and a token that cannot be read: later', async () => {
  const gone = send({ url: 'http://127.0.0.1:1/' })
  await expect(gone).rejects.toMatchObject({ refusal: 'again' })
  const secret = send({ tokenFile: '/nowhere/token' })
  await expect(secret).rejects.toThrow('its token cannot be read')
})

test('who is told to stop says why it was told', async () => {
  receiver.moods = ['is slow']
  const stop = new AbortController()
  const sent = send({ timeoutMs: 5_000 }, stop.signal)
  setTimeout(() => stop.abort(new Error('stopped here')), 20)
  await expect(sent).rejects.toThrow('stopped here')
})

test('of an answer without end a little is read, and shown on one line', async () => {
  const server = createServer((_request, response) => {
    response.writeHead(500)
    const more = (): void => {
      if (response.writableEnded || response.destroyed) return
      response.write('bad\n\u2028\u0007'.repeat(1_000), () => setImmediate(more))
    }
    more()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const sent = send({ url: `http://127.0.0.1:${port}/`, timeoutMs: 5_000 })
  await expect(sent).rejects.toThrow(/^it answers 500: (bad ){49}bad?/)
  server.closeAllConnections()
  server.close()
})
