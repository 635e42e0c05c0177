// The table of actions: what it must say of each, and arguments that are not what they should be.
import { describe, expect, test } from 'vitest'
import {
  ACTION_ALIASES,
  ACTION_NAMES,
  ACTIONS,
  actionNamed,
  actionOfCommand,
  argsProblem,
  COMMAND_ACTIONS,
  wireArgsProblem,
} from '../../src/contracts/action.ts'

describe('the table', () => {
  test('names on the wire are told apart and are those that agents know', () => {
    const wires = ACTION_NAMES.flatMap((name) => ACTIONS[name].wire ?? [])
    expect(wires.toSorted()).toEqual([...COMMAND_ACTIONS].toSorted())
    for (const name of ACTION_NAMES) {
      const { wire } = ACTIONS[name]
      if (wire !== null) expect(actionOfCommand(wire)).toBe(name)
    }
  })

  test('what takes something back is there and disturbs nothing', () => {
    for (const name of ACTION_NAMES) {
      const { inverse } = ACTIONS[name]
      if (inverse !== null) expect(ACTIONS[inverse]).toMatchObject({ disruptive: false })
    }
  })

  test('old names are names of something, and nothing inherited is a name (S0-41)', () => {
    expect(actionNamed('restart_service')).toBe('restart_instance')
    expect(
      Object.keys(ACTION_ALIASES).filter((name) => ACTION_NAMES.some((n) => n === name)),
    ).toEqual([])
    for (const none of ['constructor', 'toString', '__proto__', 'restart', '']) {
      expect(actionNamed(none)).toBeNull()
      expect(actionOfCommand(none === 'restart' ? 'restart_instance' : none)).toBeNull()
    }
  })
})

describe('arguments', () => {
  const weight = { version: 'v2', percent: '30', others: '70' }
  test.each([
    ['restart_instance', {}, null],
    ['restart_instance', { force: 'yes' }, 'takes no arguments'],
    ['drain', { timeout: '30s' }, null],
    ['drain', { timeout: 'soon' }, 'a duration'],
    ['drain', { timout: '30s' }, 'did you mean "timeout"'],
    ['set_weight', weight, null],
    ['set_weight', { ...weight, percent: '101' }, '0 to 100'],
    ['set_weight', { ...weight, percent: '40' }, 'make 100'],
    ['set_weight', { version: 'v2', percent: '30' }, 'needs the argument others'],
    ['scale', { metric: 'cpu_percent', target: '70', min: '2', max: '6' }, null],
    ['scale', { metric: 'cpu_percent', target: '70', min: '7', max: '6' }, 'not above'],
    ['scale', { metric: 'a\nb', target: '70', min: '1', max: '6' }, 'an id'],
    ['notify', { to: 'x'.repeat(300) }, 'at most 256'],
    ['notify', {}, 'needs the argument to'],
  ] as const)('%s %j: %s', (action, args, problem) => {
    const found = argsProblem(action, args)
    if (problem === null) expect(found).toBeNull()
    else expect(found).toContain(problem)
  })

  test('a command of scale carries what was worked out and not what was asked', () => {
    expect(wireArgsProblem('scale', { replicas: '4' })).toBeNull()
    expect(wireArgsProblem('scale', { target: '70' })).toContain('replicas')
  })
})
