// The collector alone, with real sockets: its door stays the same, and what it looks at when a
// connection breaks.
import { createServer, type Server } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { networkProbe } from '../../../src/adapters/http/probe.ts'
import { Collector } from '../../../src/roles/agent/collector.ts'
import { IntakeClient } from '../../../src/runtime/agent/intake-client.ts'
import { SILENT } from '../../../src/runtime/instruments.ts'
import { systemClock as clock } from '../../../src/runtime/clock.ts'
import { loneInstance } from './lone-instance.ts'
import { freePort, until } from './rig.ts'

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

async function start(earlyFlush: boolean = true) {
  const lone = loneInstance(clock, { port: await freePort() })
  lone.instance.release()
  const collector = new Collector({
    instances: [lone.instance],
    clock,
    instruments: SILENT,
    probe: networkProbe(clock),
    token: 't',
    earlyFlush,
  })
  await collector.open()
  const run = (): { stop: () => Promise<void> } => {
    const abort = new AbortController()
    const done = collector.run(abort.signal)
    const stop = async (): Promise<void> => {
      abort.abort()
      await done
    }
    ends.push(stop)
    return { stop }
  }
  return { ...lone, collector, run }
}

function client(port: number, servicePort: number = 8080): IntakeClient {
  const own = new IntakeClient({
    host: '127.0.0.1',
    port,
    token: 't',
    service: 'shop',
    instance: 'shop-1',
    servicePort,
  })
  ends.push(() => own.close())
  return own
}

test('after the module was started again services find it at the same port', async () => {
  const { collector, run, deltas } = await start()
  const { port } = collector
  const first = run()
  const own = client(port)
  own.record({ operation: '', ok: false, latencyUs: 5 })
  await until('the first', () => deltas.length > 0)
  await first.stop()
  run()
  await until('open again', () => collector.port === port)
  own.record({ operation: '', ok: true, latencyUs: 5 })
  await until('all', () => deltas.reduce((sum, { n }) => sum + n, 0) === 2)
})

test('metrics of a service go with the tick, its configuration is known', async () => {
  const { collector, run, deltas, instance } = await start()
  run()
  const own = client(collector.port)
  own.metric('queue_depth', 5)
  own.config(7, 'abc')
  await until('told', () => deltas.some(({ metrics = [] }) => metrics.length > 0))
  const told = deltas.flatMap(({ metrics = [] }) => metrics)
  expect(new Set(told.map(({ name, value }) => `${name} ${value}`))).toEqual(
    new Set(['queue_depth 5']),
  )
  expect(instance.config).toEqual({ version: 7, hash: 'abc' })
})

test('a break while the port answers is nothing; a refused port is told', async () => {
  const { collector, run, signals, instance } = await start()
  run()
  const server: Server = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => server.listen(instance.spec.port, '127.0.0.1', resolve))
  let open = true
  const shut = (): Promise<void> =>
    new Promise((resolve) => (open ? server.close(() => resolve()) : resolve()))
  ends.push(async () => {
    await shut()
  })
  const first = client(collector.port)
  await wait(100)
  first.close()
  await wait(200)
  expect(signals).toEqual([])
  await shut()
  open = false
  const second = client(collector.port)
  await wait(100)
  second.close()
  await until('refused', () => signals.length === 1)
  expect(signals[0]?.connection).toEqual({
    event: 'refused',
    local: true,
    port: instance.spec.port,
  })
})

test('what the process of a retired connection still says does not count', async () => {
  const { collector, run, deltas, instance } = await start()
  run()
  const old = client(collector.port)
  old.record({ operation: '', ok: false, latencyUs: 5 })
  await until('the first', () => deltas.length > 0)
  collector.retire(instance)
  old.record({ operation: '', ok: false, latencyUs: 5 })
  await wait(150)
  const fresh = client(collector.port)
  fresh.record({ operation: '', ok: true, latencyUs: 5 })
  await until('the new one', () => deltas.length > 1, 3_000)
  expect(deltas.map(({ n, errors }) => [n, errors])).toEqual([
    [1, 1],
    [1, 0],
  ])
})
