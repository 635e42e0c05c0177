// A restart that does not go well: what it is called, and what is told when the instance comes
// late.
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { AgentInstance } from '../../../src/roles/agent/options.ts'
import { freePort, restartCommand, Rig, stockInstance, until } from './rig.ts'

let rig: Rig
beforeEach(async () => {
  rig = await Rig.open()
})
afterEach(() => rig.close())

/** From the second start on, `delay` is put before the program. */
async function slowToRestart(delay: string): Promise<AgentInstance> {
  const spec = stockInstance('stock-1', await freePort())
  let starts = 0
  return {
    ...spec,
    command: (intake) => {
      const { argv, env } = spec.command(intake)
      const script = `${delay}; exec "$@"`
      return ++starts === 1
        ? { argv, env }
        : { argv: ['/bin/sh', '-c', script, 'sh', ...argv], env }
    },
  }
}

test('an instance not back in time is timed out, and registered when it answers', async () => {
  const spec = await slowToRestart('sleep 1')
  const agent = await rig.start([spec], { actionTimeoutMs: 300 })
  await rig.send(restartCommand({ handle: agent, instance: 'stock-1' }))
  const { results, events, signals } = rig.written
  await until('the result', () => results.length === 1)
  expect(results[0]).toMatchObject({ outcome: 'timed_out', incarnation_after: 2 })
  expect(results[0]?.facts['pid_after']).toBe(String(agent.pids().get('stock-1')))
  expect(events.filter(({ action }) => action === 'register').length).toBe(1)
  await until('registered', () => events.some(({ incarnation }) => incarnation === 2))
  await until('up', () => signals.some((s) => s.probe?.verdict === 'up' && s.incarnation === 2))
})

test('an instance that ends at once has failed, with why', async () => {
  const agent = await rig.start([await slowToRestart('exit 7')])
  await rig.send(restartCommand({ handle: agent, instance: 'stock-1' }))
  await until('the result', () => rig.written.results.length === 1)
  expect(rig.written.results[0]).toMatchObject({
    outcome: 'failed',
    detail: 'it ended before its health answered',
    incarnation_after: 2,
  })
})
