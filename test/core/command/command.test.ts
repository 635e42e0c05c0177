// A command is named by where it was decided and what it says.
import { expect, test } from 'vitest'
import { type CommandDraft, makeCommand } from '../../../src/core/command/command.ts'
import { CONTEXT, crash, World } from '../decision/world.ts'

function draft(): CommandDraft {
  const world = new World()
  world.policy()
  crash(world)
  const [command] = world.commands
  if (command === undefined) throw new Error('no command')
  const { target, seq, step_seq, issued_at_ms, expires_at_ms, incident_id, attempt } = command
  const { policy, policy_version, policy_sha256, mode, behaviour } = command
  const when = { seq, step_seq, issued_at_ms, expires_at_ms, incident_id, attempt }
  const { lease_id } = command
  const why = { policy, policy_version, policy_sha256, mode, behaviour, lease_id }
  return { ...when, ...why, action: 'restart', target }
}

test('the same place and content give the same id, anything else another', () => {
  const made = makeCommand(CONTEXT, draft(), 2)
  expect(made.command_id).toMatch(/^[0-9a-f]{32}$/)
  expect(makeCommand(CONTEXT, draft(), 2)).toEqual(made)
  const others = [
    makeCommand(CONTEXT, draft(), 3),
    makeCommand({ ...CONTEXT, taskId: 's1' }, draft(), 2),
    makeCommand({ ...CONTEXT, clusterId: 'cluster-2' }, draft(), 2),
    makeCommand(CONTEXT, { ...draft(), step_seq: 99 }, 2),
    makeCommand(CONTEXT, { ...draft(), seq: 99 }, 2),
  ]
  expect(new Set([made, ...others].map(({ command_id: id }) => id)).size).toBe(6)
})

test('what is put on at sealing is empty', () => {
  const unsealed = { gen: 0, kid: null, signature: null, args: {} }
  expect(makeCommand(CONTEXT, draft(), 0)).toMatchObject(unsealed)
})
