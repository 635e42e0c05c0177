// The log port against brokers that are not there, or say nothing: every call ends, and so does
// close(). Against real brokers: test/conformance and test/kafka.
import { afterAll, describe, expect, it } from 'vitest'
import { createKafkaLog } from '../../../src/adapters/kafka/kafka-log.ts'
import { systemClock as clock } from '../../../src/runtime/clock.ts'
import { LogError } from '../../../src/runtime/log-error.ts'
import type { LogPort } from '../../../src/runtime/ports.ts'
import { deadPort, type Peer, startPeer } from './peer.ts'

const AT = { topic: 'a', partition: 0 }
const RECORD = {
  ...AT,
  key: null,
  value: Buffer.from('v'),
  headers: [],
  timestampMs: 1_700_000_000_000,
}

const peers: Peer[] = []
const logs: LogPort[] = []
afterAll(async () => {
  await Promise.all(logs.splice(0).map((log) => log.close()))
  await Promise.all(peers.splice(0).map((peer) => peer.close()))
})

function open(port: number): LogPort {
  const log = createKafkaLog({ brokers: [`127.0.0.1:${port}`], clock })
  logs.push(log)
  return log
}

/** A broker that lets itself be connected to and answers nothing else. */
async function silentPeer(): Promise<Peer> {
  const peer = await startPeer({ respond: () => null })
  peers.push(peer)
  return peer
}

const everyCall: readonly (readonly [string, (log: LogPort) => Promise<unknown>])[] = [
  ['clusterId', (log) => log.clusterId()],
  ['send', (log) => log.producer({ deadlineMs: 500 }).send([RECORD])],
  [
    'fence',
    (log) =>
      log.writer({ transactionalId: 't', transactionTimeoutMs: 1_000, deadlineMs: 500 }).fence(),
  ],
  [
    'poll',
    (log) => {
      const reader = log.reader({ isolation: 'read_committed' })
      reader.assign(AT, 'earliest')
      return reader.poll(100)
    },
  ],
]

describe.concurrent.each(everyCall)('%s', (_name, call) => {
  it('nobody there, or nobody answers: ends', async () => {
    const { address } = await silentPeer()
    const ports = [await deadPort(), address.port]
    await Promise.all(
      ports.map((port) => expect(call(open(port))).rejects.toMatchObject({ code: 'UNAVAILABLE' })),
    )
  })

  it('closed meanwhile: ends at once', async () => {
    const { address } = await silentPeer()
    const log = open(address.port)
    const calling = call(log).then(
      () => 'answered',
      (error: unknown) => (error instanceof LogError ? error.code : error),
    )
    await clock.sleep(50)
    const closedMs = clock.monotonicMs()
    await log.close()
    expect(await calling).toBe('CLOSED')
    expect(clock.monotonicMs() - closedMs).toBeLessThan(500)
  })
})

it('nothing is connected before it is used', async () => {
  const peer = await silentPeer()
  const log = open(peer.address.port)
  log.reader({ isolation: 'read_committed' })
  log.producer()
  await clock.sleep(50)
  expect(peer.connectedMs).toEqual([])
})
