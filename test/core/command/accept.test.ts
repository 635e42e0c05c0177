// What an agent checks before it acts: each check alone, and their order.
import { describe, expect, test } from 'vitest'
import type { Command } from '../../../src/contracts/records.ts'
import { acceptCommand, type AgentView } from '../../../src/core/command/accept.ts'
import { crash, World } from '../decision/world.ts'

const world = new World()
world.policy()
crash(world)
const [unsealed] = world.commands
if (unsealed === undefined) throw new Error('no command')
const COMMAND: Command = { ...unsealed, gen: 4, seq: 7 }
const { target, issued_at_ms: issuedAtMs, expires_at_ms: expiresAtMs } = COMMAND

const VIEW: AgentView = {
  clusterId: 'cluster-1',
  agent: 'agent-a',
  agentEpoch: 1,
  nowMs: issuedAtMs + 10,
  instance: (service, name) => (`${service}/${name}` === 'shop/a' ? { incarnation: 1 } : null),
  command: () => 'absent',
  can: () => true,
  seen: () => ({ gen: 4, seq: 6 }),
  busy: () => false,
}

const codeOf = (command: Command, view: AgentView): string => {
  const accept = acceptCommand(command, view)
  return accept.verdict === 'refuse' ? accept.code : accept.verdict
}
const aim = (some: object): Command => ({ ...COMMAND, target: { ...target, ...some } })

test('everything in order: act', () => {
  expect(acceptCommand(COMMAND, VIEW)).toEqual({ verdict: 'act', action: 'restart' })
  // Without a predicate of its own it is the same.
  expect(codeOf({ ...COMMAND, predicate: null }, VIEW)).toBe('act')
})

/** In the order of the checks, each with the command and the view that fail it. */
const CHECKS: readonly (readonly [string, Partial<Command>, Partial<AgentView>])[] = [
  ['malformed', { gen: 0 }, {}],
  ['unknown_action', { action: 'rm -rf' }, {}],
  ['wrong_cluster', {}, { clusterId: 'other' }],
  ['wrong_agent', {}, { agent: 'agent-b' }],
  ['wrong_epoch', {}, { agentEpoch: 2 }],
  ['unknown_instance', {}, { instance: () => null }],
  ['answer_again', {}, { command: () => 'done' }],
  ['unsupported', {}, { can: () => false }],
  ['wrong_incarnation', {}, { instance: () => ({ incarnation: 2 }) }],
  ['clock_unknown', {}, { nowMs: null }],
  ['old_gen', {}, { seen: () => ({ gen: 5, seq: 6 }) }],
  ['old_seq', {}, { seen: () => ({ gen: 4, seq: 7 }) }],
  ['busy', {}, { busy: () => true }],
]

describe('each check', () => {
  test.each(CHECKS)('%s', (code, command, view) => {
    expect(codeOf({ ...COMMAND, ...command }, { ...VIEW, ...view })).toBe(code)
  })

  test('of two failures the earlier one is told', () => {
    for (const [i, [code, command, view]] of CHECKS.entries()) {
      for (const [, otherCommand, otherView] of CHECKS.slice(i + 1)) {
        const both = { ...VIEW, ...otherView, ...view }
        expect(codeOf({ ...COMMAND, ...otherCommand, ...command }, both)).toBe(code)
      }
    }
  })
})

test('begun before and not known to have ended: doubtful, whatever the clock says', () => {
  const begun: AgentView = { ...VIEW, command: () => 'started', nowMs: expiresAtMs + 1 }
  expect(codeOf(COMMAND, begun)).toBe('doubtful')
})

test('done before: answered again, though expired and of a life that its restart ended', () => {
  // A command that is read again after the agent was restarted must not be answered with a refusal:
  // the task would count an attempt that helped as one without effect.
  const done: AgentView = {
    ...VIEW,
    command: () => 'done',
    nowMs: expiresAtMs + 1,
    instance: () => ({ incarnation: 2 }),
    seen: () => ({ gen: 9, seq: 9 }),
  }
  expect(codeOf(COMMAND, done)).toBe('answer_again')
})

describe('the clock', () => {
  test.each([
    [expiresAtMs, 'expired'],
    [expiresAtMs - 1, 'act'],
    [issuedAtMs, 'act'],
    [issuedAtMs - 2_000, 'act'],
    [issuedAtMs - 2_001, 'too_early'],
  ])('at %d: %s', (nowMs, code) => {
    expect(codeOf(COMMAND, { ...VIEW, nowMs })).toBe(code)
  })
})

describe('malformed', () => {
  test.each([
    [{ mode: 'observe' }],
    [{ mode: 'dry_run' }],
    [{ seq: 0 }],
    [{ seq: 1.5 }],
    [{ seq: -1 }],
    [{ seq: 2 ** 53 }],
    [{ predicate: 'probe_down' }],
    [{ args: { cmd: 'x' } }],
    [{ command_id: '' }],
    [{ command_id: 'a\nb' }],
    [{ expires_at_ms: issuedAtMs }],
    [{ expires_at_ms: issuedAtMs + 3_600_001 }],
    [{ issued_at_ms: Number.NaN }],
  ])('%j', (some) => {
    expect(codeOf({ ...COMMAND, ...some } as Command, VIEW)).toBe('malformed')
  })

  test('a target of the right shape elsewhere', () => {
    expect(codeOf(aim({ instance: 'b' }), VIEW)).toBe('unknown_instance')
    expect(codeOf(aim({ incarnation: -1 }), VIEW)).toBe('malformed')
    expect(codeOf(aim({ agent: '..' }), VIEW)).toBe('malformed')
  })
})

describe('actions beside restart (S0-43)', () => {
  const asked = (action: string, args: Record<string, string>, some: Partial<AgentView> = {}) =>
    codeOf({ ...COMMAND, action, args }, { ...VIEW, ...some })

  test.each([
    ['scale', { replicas: '3' }, 'act'],
    ['scale', {}, 'malformed'],
    ['scale', { replicas: '0' }, 'malformed'],
    ['scale', { replicas: '3', shell: 'rm' }, 'malformed'],
    ['restore', {}, 'act'],
    ['restore', { snapshot: 'a\nb' }, 'malformed'],
    ['isolate', {}, 'unknown_action'],
    ['restart_instance', {}, 'unknown_action'],
    ['constructor', {}, 'unknown_action'],
  ])('%s %j: %s', (action, args, code) => {
    expect(asked(action, args)).toBe(code)
  })

  test('a deregistration is for the failed incarnation or one before the one found (S1-42)', () => {
    const found = (incarnation: number): Partial<AgentView> => ({
      instance: () => ({ incarnation }),
    })
    expect(asked('deregister', {}, found(1))).toBe('act')
    expect(asked('deregister', {}, found(2))).toBe('act')
    expect(asked('deregister', {}, found(0))).toBe('wrong_incarnation')
    expect(asked('deregister', {}, { busy: () => true })).toBe('act')
  })

  test('one that is to begin on this host need not be there yet (S3-29)', () => {
    expect(asked('reschedule', { fence: '1' }, { instance: () => null })).toBe('act')
    expect(asked('restart', {}, { instance: () => null })).toBe('unknown_instance')
  })
})
