// What is taken out of kafkajs' connection, against the connection as kafkajs makes it: the traps
// are still in it, so the cures are still needed.
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { QuietConnection } from '../../../src/adapters/kafka/quiet-connection.ts'
import { Connection, silent, type VendorConnection } from '../../../src/adapters/kafka/vendor.ts'
import { systemClock } from '../../../src/runtime/clock.ts'
import { frame, type Peer, startPeer } from './peer.ts'

const ends: (() => unknown)[] = []
afterEach(async () => {
  vi.restoreAllMocks()
  for (const end of ends.splice(0)) await end()
})

function settingsFor(peer: Peer) {
  let socket: Socket | undefined
  ends.push(() => socket?.destroy())
  return {
    ...peer.address,
    clientId: 'c',
    ssl: null,
    sasl: null,
    connectionTimeout: 1_000,
    socketFactory: (to: { host: string; port: number; onConnect: () => void }) => {
      socket = connect(to, to.onConnect)
      return socket
    },
  }
}

const vendorOf = (peer: Peer): VendorConnection =>
  new Connection({
    ...settingsFor(peer),
    logger: silent,
    requestTimeout: 0,
    enforceRequestTimeout: false,
  })

/** Sends bytes that are a request for the peer; resolves or rejects as its answer does. */
function ask(connection: VendorConnection): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const correlationId = connection.nextCorrelationId()
    const what = { apiKey: 50, apiName: 'Echo', apiVersion: 5, correlationId }
    connection.requestQueue.push({
      entry: { ...what, resolve, reject },
      expectResponse: true,
      requestTimeout: null,
      sendRequest: () => {
        const head = Buffer.from([0, 50, 0, 5, 0, 0, 0, correlationId, 0, 0, 7, 7])
        connection.socket?.write(frame(head.readInt32BE(0), head.subarray(4)))
      },
    })
  })
}

describe('an idle connection', () => {
  it('of kafkajs wakes up for ever (CT-12), ours does not', async () => {
    const peer = await startPeer()
    ends.push(() => peer.close())
    const wakeUps = async (connection: VendorConnection): Promise<number> => {
      await connection.connect()
      await ask(connection)
      const timers = vi.spyOn(globalThis, 'setTimeout')
      await systemClock.sleep(200)
      const count = timers.mock.calls.length
      timers.mockRestore()
      return count
    }
    const ours = new QuietConnection(settingsFor(peer), () => undefined)
    ends.unshift(() => ours.end(new Error('end of test')))
    expect(await wakeUps(ours)).toBe(1)
    const theirs = vendorOf(peer)
    expect(await wakeUps(theirs)).toBeGreaterThan(20)
    theirs.requestQueue.scheduleCheckPendingRequests = () => undefined
    theirs.requestQueue.destroy()
  })
})

describe('ending', () => {
  it('of kafkajs waits for an answer that does not come (CT-18), ours does not', async () => {
    const peer = await startPeer({ respond: () => null })
    ends.push(() => peer.close())
    const theirs = vendorOf(peer)
    await theirs.connect()
    const asked = ask(theirs).catch(() => 'rejected')
    const ended = theirs.disconnect().then(() => 'disconnected')
    expect(await Promise.race([asked, ended, systemClock.sleep(300).then(() => 'waiting')])).toBe(
      'waiting',
    )
    theirs.requestQueue.rejectAll(new Error('end of test'))
    await Promise.all([asked, ended])

    const reasons: Error[] = []
    const ours = new QuietConnection(settingsFor(peer), (reason) => reasons.push(reason))
    await ours.connect()
    const reason = new Error('closing')
    const pending = ask(ours).catch((error: unknown) => error)
    ours.end(reason)
    ours.end(new Error('again'))
    expect(await pending).toBe(reason)
    expect(reasons).toEqual([reason])
    expect(ours.socket?.destroyed).toBe(true)
    ours.processData(Buffer.from('too late'))
  })

  it('in the middle of connecting leaves no timer of kafkajs behind', async () => {
    const peer = await startPeer()
    ends.push(() => peer.close())
    const ours = new QuietConnection(settingsFor(peer), () => undefined)
    const connecting = ours.connect()
    ours.end(new Error('closing'))
    await expect(connecting).rejects.toThrow('closing')
    expect(process.getActiveResourcesInfo()).not.toContain('TCPConnectWrap')
  })
})
