// The whole agent with real services: what it says from start to stop, and what a fault makes it
// say.
import { readdirSync } from 'node:fs'
import { get, request } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AgentHandle } from '../../../src/roles/agent/agent.ts'
import { isAlive } from '../../../src/runtime/agent/proc.ts'
import { freePort, restartCommand, Rig, stockInstance, until } from './rig.ts'

let rig: Rig
beforeEach(async () => {
  rig = await Rig.open()
})
afterEach(() => rig.close())

function ask(port: number, path: string): Promise<number> {
  return new Promise((resolve) => {
    get({ host: '127.0.0.1', port, path, agent: false }, (answer) => {
      answer.resume()
      resolve(answer.statusCode ?? 0)
    }).on('error', () => resolve(-1))
  })
}

function fault(port: number, kind: string, token: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` }
    const path = `/fault?kind=${kind}`
    request({ host: '127.0.0.1', port, path, method: 'POST', headers }, (answer) => {
      answer.resume()
      resolve(answer.statusCode ?? 0)
    })
      .on('error', reject)
      .end()
  })
}

const pidOf = (handle: AgentHandle, instance: string): number => handle.pids().get(instance) ?? 0

describe('two instances', () => {
  test('are registered, beaten, probed and counted, and end with the agent', async () => {
    const ports = [await freePort(), await freePort()]
    const specs = ports.map((port, i) => stockInstance(`stock-${i + 1}`, port))
    const agent = await rig.start(specs, { heartbeatMs: 100, leaseTtlMs: 900 })
    expect(agent.started.map(({ answered, incarnation }) => [answered, incarnation])).toEqual([
      [true, 1],
      [true, 1],
    ])
    const { telemetry, signals, events } = rig.written
    for (let i = 0; i < 40; i++) await ask(ports[i % 2] ?? 0, '/stock/apple')
    await until('counts', () => telemetry.reduce((sum, { n }) => sum + n, 0) === 40)
    await until('a renewal', () => events.some(({ action }) => action === 'renew'))
    await until('gauges', () => telemetry.some(({ gauges }) => (gauges?.cpu ?? null) !== null))
    const pids = [...agent.pids().values()]
    await agent.stop()
    await until('the goodbye', () => events.filter((e) => e.action === 'deregister').length === 2)
    expect(pids.map((pid) => pid !== null && isAlive(pid))).toEqual([false, false])

    const first = events.filter(({ action }) => action === 'register')
    expect(first.map((e) => [e.instance_id, e.port, e.lease_ttl_ms, e.version]).sort()).toEqual([
      ['stock-1', ports[0], 900, 1],
      ['stock-2', ports[1], 900, 1],
    ])
    const beats = signals.filter(({ kind }) => kind === 'heartbeat')
    expect(new Set(beats.map(({ heartbeat }) => heartbeat?.level))).toEqual(new Set([1, 2]))
    expect(beats.every(({ heartbeat }) => heartbeat?.period_ms === 100)).toBe(true)
    expect(beats.find(({ heartbeat }) => heartbeat?.level === 2)?.heartbeat?.state).toBe('up')
    const verdicts = signals.filter(({ kind }) => kind === 'probe')
    expect(verdicts.map(({ instance, probe }) => `${instance} ${probe?.verdict}`).sort()).toEqual([
      'stock-1 up',
      'stock-2 up',
    ])
    const ticks = telemetry.filter(({ flush }) => flush === 'tick')
    expect(ticks.every(({ tick_start_ms: ms, scale }) => ms % 1_000 === 0 && scale === 4)).toBe(
      true,
    )
    const seqs = [...telemetry, ...signals, ...events].map(({ seq }) => seq)
    expect(new Set(seqs).size).toBe(seqs.length)
    expect(Math.max(...seqs)).toBe(seqs.length)
  })
})

describe('a fault', () => {
  async function one(more: Parameters<Rig['start']>[1] = {}) {
    const port = await freePort()
    const agent = await rig.start([stockInstance('stock-1', port)], more)
    await until('up', () => rig.written.signals.some(({ probe }) => probe?.verdict === 'up'))
    return { port, agent }
  }

  test('kill -9: a refused connection is told at once and once, then the verdict', async () => {
    const { agent } = await one()
    const { signals } = rig.written
    const killedMs = Date.now()
    process.kill(pidOf(agent, 'stock-1'), 'SIGKILL')
    await until('down', () => signals.some(({ probe }) => probe?.verdict === 'down'))
    await wait(300)
    const refused = signals.filter(({ connection }) => connection?.event === 'refused')
    expect(refused.length).toBe(1)
    expect(refused[0]?.connection?.local).toBe(true)
    const down = signals.find(({ probe }) => probe?.verdict === 'down')
    expect(down?.probe).toMatchObject({ reason: 'refused', failures: 3, local: true })
    expect((refused[0]?.appendMs ?? 0) - killedMs).toBeLessThan(500)
    expect(signals.some(({ kind }) => kind === 'process')).toBe(false)
    expect(agent.pids().get('stock-1')).toBeNull()
  })

  test('kill -9 without early flush: nothing but the verdict', async () => {
    const { agent } = await one({ earlyFlush: false })
    const { signals } = rig.written
    process.kill(pidOf(agent, 'stock-1'), 'SIGKILL')
    await until('down', () => signals.some(({ probe }) => probe?.verdict === 'down'))
    expect(signals.some(({ kind }) => kind === 'connection')).toBe(false)
  })

  test('kill -9 with the exit signal on: the driver tells of it', async () => {
    const { agent } = await one({ exitSignal: true })
    const pid = pidOf(agent, 'stock-1')
    process.kill(pid, 'SIGKILL')
    await until('exited', () => rig.written.signals.some(({ kind }) => kind === 'process'))
    const { process: exit } = rig.written.signals.find(({ kind }) => kind === 'process') ?? {}
    expect(exit).toEqual({ event: 'exited', pid, exit_code: null, signal: 'SIGKILL' })
  })

  test('a hang: down by time-outs, no refused connection', async () => {
    const { agent } = await one()
    const { signals } = rig.written
    process.kill(pidOf(agent, 'stock-1'), 'SIGSTOP')
    await until('down', () => signals.some(({ probe }) => probe?.verdict === 'down'))
    expect(signals.find(({ probe }) => probe?.verdict === 'down')?.probe?.reason).toBe('timeout')
    expect(signals.some(({ kind }) => kind === 'connection')).toBe(false)
  })

  test('errors: the first failure goes out before its tick ends; health stays up', async () => {
    const { port, agent } = await one()
    const { telemetry, signals } = rig.written
    expect(await ask(port, '/stock/apple')).toBe(200)
    expect(await fault(port, 'errors', 'wrong')).toBe(401)
    expect(await fault(port, 'errors', agent.intake.token)).toBe(200)
    expect(await ask(port, '/stock/apple')).toBe(500)
    await until('an early delta', () => telemetry.some(({ flush }) => flush === 'early'))
    expect(telemetry.find(({ flush }) => flush === 'early')?.errors).toBe(1)
    expect(signals.some(({ probe }) => probe?.verdict === 'down')).toBe(false)
  })
})

describe('modules', () => {
  test('a failing one comes back within a second, the others never stop', async () => {
    const port = await freePort()
    let polls = 0
    const log = rig.log.broker.connect()
    const inner = log.reader.bind(log)
    log.reader = (options) => {
      const reader = inner(options)
      const poll = reader.poll.bind(reader)
      reader.poll = (...args) => {
        if (++polls === 5) throw new TypeError('a planted defect')
        return poll(...args)
      }
      return reader
    }
    const agent = await rig.start([stockInstance('stock-1', port)], {
      log,
      heartbeatMs: 50,
    })
    const { signals, results } = rig.written
    await until('the notice', () => signals.some(({ kind }) => kind === 'agent'))
    const at = signals.findIndex(({ kind }) => kind === 'agent')
    expect(signals[at]?.agent_notice?.detail).toContain('executor: a planted defect')
    await rig.send(restartCommand({ handle: agent, instance: 'stock-1' }))
    await until('the restart', () => results.length === 1)
    expect(results[0]?.outcome).toBe('succeeded')
    const beats = signals.filter(({ kind }) => kind === 'heartbeat').map(({ at_ms: ms }) => ms)
    const gaps = beats.slice(1).map((ms, i) => ms - (beats[i] ?? 0))
    expect(Math.max(...gaps)).toBeLessThan(1_000)
  })
})

describe('a folder', () => {
  test('is kept over a restart of the agent: epoch, numbers and incarnations go on', async () => {
    const port = await freePort()
    const first = await rig.start([stockInstance('stock-1', port)])
    await first.stop()
    const second = await rig.start([stockInstance('stock-1', port)])
    expect(second.epoch).toBe(first.epoch)
    expect(second.intake.token).toBe(first.intake.token)
    expect(second.started[0]?.incarnation).toBe(2)
    await second.stop()
    const { telemetry, signals, events } = rig.written
    const seqs = [...telemetry, ...signals, ...events].map(({ seq }) => seq)
    expect(new Set(seqs).size).toBe(seqs.length)
  })

  test('in use is refused, and the first agent goes on', async () => {
    const port = await freePort()
    const agent = await rig.start([stockInstance('stock-1', port)])
    const again = rig.start([stockInstance('stock-1', port)])
    await expect(again).rejects.toMatchObject({ code: 'HS_LEDGER_LOCKED' })
    expect(isAlive(pidOf(agent, 'stock-1'))).toBe(true)
  })
})

test('an instance that does not start is told of, and a command can start it', async () => {
  const [port, taken] = [await freePort(), await freePort()]
  const spec = stockInstance('stock-1', port)
  let broken = true
  const command: typeof spec.command = (intake) => {
    const good = spec.command(intake)
    return broken ? { ...good, argv: [...good.argv, `--port=${taken}`, '--nonsense'] } : good
  }
  const agent = await rig.start([{ ...spec, command }])
  expect(agent.started[0]).toMatchObject({ answered: false })
  expect(agent.output('stock-1')).toContain('nonsense')
  const { signals, results, events } = rig.written
  await until('down', () => signals.some(({ probe }) => probe?.verdict === 'down'))
  expect(events).toEqual([])
  broken = false
  const { incarnation = 0 } = agent.started[0] ?? {}
  await rig.send(
    restartCommand({ handle: agent, instance: 'stock-1' }, { target: { incarnation } }),
  )
  await until('the start', () => results.length === 1)
  expect(results[0]?.outcome).toBe('succeeded')
  await until('registered', () => events.length === 1)
})

test('a health path that is none is refused before anything is started', async () => {
  const spec = { ...stockInstance('stock-1', await freePort()), healthPath: 'he alth' }
  await expect(rig.start([spec])).rejects.toMatchObject({ code: 'HS_CONFIG' })
})

test('nothing of the agent is left in its folder but ledger and token', async () => {
  const port = await freePort()
  const agent = await rig.start([stockInstance('stock-1', port)])
  await agent.stop()
  expect(readdirSync(`${rig.folder}/state`).sort()).toEqual(['intake-token', 'ledger'])
})
