// Commands: each refusal has a code and is told, each act happens once, whatever the agent dies of.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { agentId, commandId, instanceId, taskId } from '../../../src/contracts/ids.ts'
import { partitionFor } from '../../../src/contracts/partitioner.ts'
import type { Command } from '../../../src/contracts/records.ts'
import { topicName } from '../../../src/contracts/topics.ts'
import type { AgentHandle } from '../../../src/roles/agent/agent.ts'
import { tsArgv } from '../../support/ts.ts'
import { freePort, PARTITIONS, PREFIX, restartCommand, Rig, stockInstance, until } from './rig.ts'

describe('a command', () => {
  let rig: Rig
  let agent: AgentHandle
  beforeEach(async () => {
    rig = await Rig.open()
    agent = await rig.start([stockInstance('stock-1', await freePort())])
  })
  afterEach(() => rig.close())

  const command = (more: Parameters<typeof restartCommand>[1] = {}): Command =>
    restartCommand({ handle: agent, instance: 'stock-1' }, more)

  test('restarts: new process, next incarnation, registered, no false alarm', async () => {
    const before = agent.pids().get('stock-1')
    await until('up', () => rig.written.signals.some(({ probe }) => probe?.verdict === 'up'))
    await rig.send(command())
    await until('the result', () => rig.written.results.length === 1)
    const after = agent.pids().get('stock-1')
    const [result] = rig.written.results
    expect(result).toMatchObject({
      command_id: 'c-1',
      incident_id: 'i-1',
      outcome: 'succeeded',
      refusal: null,
      incarnation_before: 1,
      incarnation_after: 2,
      gen: 1,
      command_seq: 1,
    })
    expect(result?.facts).toMatchObject({ pid_before: String(before), pid_after: String(after) })
    expect(after).not.toBe(before)
    const registers = rig.written.events.filter(({ action }) => action === 'register')
    expect(registers.map(({ incarnation }) => incarnation)).toEqual([1, 2])
    await until('up again', () =>
      rig.written.signals.some((s) => s.probe?.verdict === 'up' && s.incarnation === 2),
    )
    const alarms = rig.written.signals.filter(
      ({ probe, connection }) => probe?.verdict === 'down' || connection !== null,
    )
    expect(alarms).toEqual([])
  })

  test('sent twice is done once and answered twice with the same', async () => {
    await rig.send(command())
    await rig.send(command())
    await until('the result', () => rig.written.results.length === 1)
    await rig.send(command())
    await until('the answer', () => rig.written.results.length === 2)
    const [first, second] = rig.written.results
    expect(second).toEqual({ ...first, seq: second?.seq })
    expect(agent.pids().get('stock-1')).toBe(Number(first?.facts['pid_after']))
  })

  test.each<[string, Parameters<typeof restartCommand>[1]]>([
    ['malformed', { mode: 'dry_run' }],
    ['malformed', { args: { cmd: '; rm -rf /' } }],
    ['unknown_action', { action: 'format' }],
    ['unsupported', { action: 'restore' }],
    ['wrong_epoch', { target: { agent_epoch: 1 } }],
    ['unknown_instance', { target: { instance: instanceId('stock-9') } }],
    ['wrong_incarnation', { target: { incarnation: 2 } }],
    ['too_early', { not_before_ms: Date.now() + 100_000, expires_at_ms: Date.now() + 200_000 }],
    ['expired', { issued_at_ms: 1, not_before_ms: 1, expires_at_ms: 2 }],
  ])('is refused as %s and not done: %j', async (code, more) => {
    const before = agent.pids().get('stock-1')
    await rig.send(command(more))
    await until('the result', () => rig.written.results.length === 1)
    expect(rig.written.results[0]).toMatchObject({ outcome: 'refused', refusal: code })
    expect(agent.pids().get('stock-1')).toBe(before)
  })

  test('of an older fence or an older number is refused after a newer one', async () => {
    await rig.send(command({ gen: 5, seq: 10 }))
    await until('the result', () => rig.written.results.length === 1)
    const target = { incarnation: 2 }
    await rig.send(command({ command_id: commandId('c-2'), gen: 4, seq: 11, target }))
    await rig.send(command({ command_id: commandId('c-3'), gen: 5, seq: 10, target }))
    await until('refusals', () => rig.written.results.length === 3)
    expect(rig.written.results.map(({ refusal }) => refusal)).toEqual([null, 'old_gen', 'old_seq'])
    await rig.send(command({ command_id: commandId('c-4'), task: taskId('s2'), target }))
    await until('the other task', () => rig.written.results.length === 4)
    expect(rig.written.results[3]?.outcome).toBe('succeeded')
  })

  test('for an instance our hand is on is refused as busy', async () => {
    await rig.send(command())
    await rig.send(command({ command_id: commandId('c-2'), seq: 2 }))
    await until('both', () => rig.written.results.length === 2)
    const outcomes = rig.written.results.map(({ command_id: id, outcome }) => [id, outcome]).sort()
    expect(outcomes).toEqual([
      ['c-1', 'succeeded'],
      ['c-2', 'refused'],
    ])
  })

  test('for another agent, or no command at all, is passed over', async () => {
    const producer = rig.log.producer()
    const topic = topicName('commands', PREFIX)
    const partition = partitionFor('stock', PARTITIONS)
    const bad = [Buffer.from('garbage'), Buffer.alloc(0), null, Buffer.from('{"action":"restart"}')]
    for (const value of bad)
      await producer.send([{ topic, partition, key: null, value, timestampMs: Date.now() }])
    await producer.close()
    await rig.send(command({ target: { agent: agentId('somebody') } }))
    await rig.send(command({ command_id: commandId('c-9') }))
    await until('the good one', () => rig.written.results.length > 0)
    await wait(100)
    expect(rig.written.results.map(({ command_id: id }) => id)).toEqual(['c-9'])
  })
})

test('an act that breaks off is told as doubtful, the next command is carried out', async () => {
  // What the act threw only restarted the module: the command stayed open in the ledger for as
  // long as the agent lived, and whoever had commanded never heard of it.
  const rig = await Rig.open()
  try {
    const spec = stockInstance('stock-1', await freePort())
    let starts = 0
    const command: typeof spec.command = (intake) => {
      if (++starts === 2) throw new Error('the image is not known')
      return spec.command(intake)
    }
    const agent = await rig.start([{ ...spec, command }])
    const of = { handle: agent, instance: 'stock-1' }
    await rig.send(restartCommand(of))
    await until('the result', () => rig.written.results.length === 1)
    expect(rig.written.results[0]).toMatchObject({
      outcome: 'doubtful',
      detail: 'the act broke off: the image is not known',
    })
    await rig.send(restartCommand(of, { command_id: commandId('c-2'), seq: 2 }))
    await until('the next', () => rig.written.results.length === 2)
    expect(rig.written.results[1]).toMatchObject({ command_id: 'c-2', outcome: 'succeeded' })
  } finally {
    await rig.close()
  }
})

test('an agent with a new folder does nothing of what was commanded before it came', async () => {
  const rig = await Rig.open()
  try {
    const spec = stockInstance('stock-1', await freePort())
    await rig.send(restartCommand({ handle: { epoch: 1 }, instance: 'stock-1' }))
    await rig.start([spec])
    await wait(300)
    expect(rig.written.results).toEqual([])
  } finally {
    await rig.close()
  }
})

describe('an agent killed with kill -9', () => {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'healstream-doomed-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  async function live(port: number, point: string) {
    const file = 'test/roles/agent/doomed-agent.ts'
    const [node = '', ...args] = tsArgv(file, folder, String(port), point)
    const child = spawn(node, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    let said = ''
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
    const [code, signal] = await once(child, 'close')
    return { code, signal, said }
  }

  /** What the second life tells, and how often it started the service. */
  test.each<[string, unknown, string]>([
    // Its own start has made another incarnation of what the command meant.
    ['before-begun', [['refused', 'wrong_incarnation']], '12'],
    ['while-acting', [['doubtful', null]], '12'],
    ['before-done', [['doubtful', null]], '112'],
    ['before-told', [['succeeded', null]], '112'],
    ['after-told', [['succeeded', null]], '112'],
    ['after-reported', [], '112'],
  ])(
    '%s',
    async (point, told, starts) => {
      const port = await freePort()
      const first = await live(port, point)
      expect(first.signal).toBe('SIGKILL')
      const second = await live(port, 'none')
      expect(second.code).toBe(0)
      expect(JSON.parse(second.said)).toEqual(told)
      expect(readFileSync(join(folder, 'starts'), 'utf8')).toBe(starts)
    },
    30_000,
  )
})
