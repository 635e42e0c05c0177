// A worker or an agent changes hands in the middle of an incident, with everything real: healed by
// exactly one command, every life comes to the same state, nothing is done twice.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AgentHandle } from '../../../src/roles/agent/agent.ts'
import type { AgentInstance } from '../../../src/roles/agent/options.ts'
import type { WorkerHandle } from '../../../src/roles/worker/worker.ts'
import { freePort, stockInstance, until } from '../agent/rig.ts'
import { type LoopAgent, type LoopWorker, WholeLoop } from './whole-loop.ts'

const VICTIM = 'stock-1'
const HEAL_MS = 40_000

let loop: WholeLoop
let specs: readonly AgentInstance[]
beforeEach(async () => {
  loop = await WholeLoop.begin()
  const ports = [await freePort(), await freePort(), await freePort()]
  specs = ports.map((port, i) => stockInstance(`stock-${i + 1}`, port))
})
afterEach(() => loop.end())

const isRunning = (handle: WorkerHandle): boolean => handle.status().ready

async function warm(agent: AgentHandle): Promise<void> {
  expect(agent.started.every(({ answered }) => answered)).toBe(true)
  loop.traffic(specs.map(({ port }) => port))
  // Long enough for health to be settled, and for a few requests in the window.
  await new Promise((resolve) => setTimeout(resolve, 2_000))
}

const commands = (): number => loop.story.filter(({ kind }) => kind === 'command').length
const results = (): readonly string[] =>
  loop.story.flatMap((r) => (r.kind === 'result' ? [r.result.outcome] : []))
const endings = (): readonly string[] =>
  loop.story.flatMap((r) =>
    r.kind === 'incident' && ['recovered', 'failed', 'escalated'].includes(r.event.state)
      ? [r.event.state]
      : [],
  )
const incidents = (): number =>
  new Set(loop.story.flatMap((r) => (r.kind === 'incident' ? [r.event.incident_id] : []))).size

function breakVictim(agent: AgentHandle): number {
  const pid = agent.pids().get(VICTIM) ?? 0
  process.kill(pid, 'SIGKILL')
  return pid
}

/** A last life replays everything: it stops where a digest does not agree. */
async function replays(gens: number): Promise<void> {
  const last = await loop.worker()
  await until('the replay', () => isRunning(last.handle), 15_000)
  const running = { state: 'Running', reason: null, gen: gens }
  expect(last.handle.status().tasks).toMatchObject([running, { ...running, task: 'fleet' }])
  const journal = await loop.journal()
  const fences = journal.flatMap(({ entry }) => (entry.kind === 'fence' ? [entry.gen] : []))
  expect(fences).toEqual(Array.from({ length: gens }, (_, i) => i + 1))
}

describe('the worker is replaced between command and recovery', () => {
  const healedOnce = async (agent: AgentHandle, oldPid: number): Promise<void> => {
    await until('the end', () => endings().length > 0, HEAL_MS)
    expect(endings()).toEqual(['recovered'])
    expect([commands(), incidents(), results()]).toEqual([1, 1, ['succeeded']])
    expect(agent.pids().get(VICTIM)).not.toBe(oldPid)
    expect(agent.pids().get(VICTIM)).not.toBeNull()
  }

  test.each([
    ['gracefully', (worker: LoopWorker): Promise<void> => worker.handle.stop()],
    ['dropped, without a word', async (worker: LoopWorker): Promise<void> => worker.drop()],
  ])('%s', async (_, leave) => {
    const first = await loop.worker()
    const agent = await loop.agent(specs)
    await warm(agent)
    const oldPid = breakVictim(agent)
    await until('a command', () => commands() === 1)
    expect(endings()).toEqual([])
    await leave(first)
    const heir = await loop.worker()
    await healedOnce(agent, oldPid)
    await heir.handle.stop()
    await replays(3)
  })

  test('dropped while its command is committed and it has not heard so', async () => {
    let armed = false
    const first = await loop.worker((worker) => {
      if (armed) worker.drop()
    })
    const agent = await loop.agent(specs)
    await warm(agent)
    await until('it runs', () => isRunning(first.handle))
    // The next urgent commit is that of the detection, with the command in it or just before it.
    armed = true
    const oldPid = breakVictim(agent)
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    const heir = await loop.worker()
    await healedOnce(agent, oldPid)
    await heir.handle.stop()
    await replays(3)
  })
})

describe('the agent is replaced between command and result', () => {
  const stop = (agent: LoopAgent): Promise<void> => agent.stop()
  const kill = (agent: LoopAgent): Promise<void> => agent.kill()

  // On its own folder it says that the act is in doubt; one with a new folder knows of no command.
  test.each([
    ['stopped, same folder', stop, 'agent', ['doubtful']],
    ['killed, same folder', kill, 'agent', ['doubtful']],
    ['killed, new folder', kill, 'other', []],
  ] as const)('%s', async (_, leave, folder, told) => {
    const worker = await loop.worker()
    const first = await loop.agent(specs)
    await warm(first)
    breakVictim(first)
    await until('a command', () => commands() === 1)
    await leave(first)
    expect(results()).toEqual([])
    const next = await loop.agent(specs, folder)
    const victim = next.started.find(({ instance }) => instance === VICTIM)
    expect(victim).toMatchObject({ answered: true })
    await until('the end', () => endings().length > 0, HEAL_MS)
    expect(endings()).toEqual(['recovered'])
    expect([commands(), incidents(), results()]).toEqual([1, 1, told])
    // Its command was not carried out once more: the process is the one it was started with.
    expect(next.pids().get(VICTIM)).toBe(victim?.pid)
    await worker.handle.stop()
    await replays(2)
  })
})
