// Policies together (M18): sets that fight each other are refused, with the circle; sets that do
// not are let through. And shadows.
import { describe, expect, test } from 'vitest'
import {
  type Asking,
  checkAsking,
  checkSet,
  type SetProblem,
} from '../../../src/core/decision/policy-set.ts'
import type { ActionName } from '../../../src/contracts/action.ts'
import type { HealPolicy } from '../../../src/contracts/heal-policy.ts'
import { parsePolicy } from '../../../src/contracts/policy.ts'

interface Written {
  readonly action: ActionName
  readonly args?: Readonly<Record<string, string>>
  readonly trigger: string | object
  readonly services?: readonly string[]
  readonly mode?: string
  readonly [field: string]: unknown
}

function asking(name: string, written: Written): Asking {
  const { action, args = {}, services = ['shop'], mode = 'enforce', ...spec } = written
  const parsed = parsePolicy({
    apiVersion: 'healstream.io/v1',
    kind: 'HealPolicy',
    metadata: { name },
    spec: { match: { services }, mode, action: 'restart_instance', ...spec },
  })
  if (!parsed.ok || parsed.document.kind !== 'HealPolicy') throw new Error(JSON.stringify(parsed))
  const policy: HealPolicy = parsed.document
  return { policy, calls: [{ action, args }] }
}

const check = (a: Written, b: Written): readonly SetProblem[] =>
  checkAsking([asking('first', a), asking('second', b)])

const restart = { action: 'restart_instance', trigger: 'cpu > 0.9 && n >= 20' } as const
const scale = {
  action: 'scale',
  trigger: 'cpu > 0.8',
  args: { metric: 'cpu_percent', target: '70', min: '2', max: '10' },
} as const
const drain = { action: 'drain', trigger: 'error_rate > 0.5 && n >= 20' } as const
const weight = {
  action: 'set_weight',
  trigger: 'error_rate < 0.1',
  args: { version: '2', percent: '50', others: '50' },
} as const
const isolate = { action: 'isolate', trigger: 'health == "unhealthy"' } as const
const unisolate = { action: 'unisolate', trigger: 'probe == "up"' } as const

describe('sets that fight', () => {
  test.each<readonly [string, Written, Written]>([
    ['restart and scale over the same figure', restart, scale],
    ['drain and weight', drain, weight],
    ['isolate and unisolate', isolate, unisolate],
    ['isolate and a weight for it', isolate, weight],
    ['drain and unisolate', drain, unisolate],
    ['two targets of one scale', scale, { ...scale, args: { ...scale.args, target: '30' } }],
    ['two weights of one version', weight, { ...weight, args: { ...weight.args, percent: '10' } }],
    [
      'two ways to shift',
      {
        action: 'shift_traffic',
        trigger: 'service_p99_ms > 500',
        args: { to: 'a', percent: '50' },
      },
      {
        action: 'shift_traffic',
        trigger: 'service_p99_ms > 900',
        args: { to: 'b', percent: '50' },
      },
    ],
    [
      'two versions to go back to',
      { action: 'rollback_app', trigger: 'error_rate > 0.5', args: { to: '1' } },
      { action: 'rollback_app', trigger: 'p99_ms > 500', args: { to: '2' } },
    ],
    [
      'deregister and scale',
      { action: 'deregister', trigger: 'link == "offline"' },
      { ...scale, trigger: 'service_instances < 3' },
    ],
    ['everywhere and at one service', { ...isolate, services: ['*'] }, unisolate],
    [
      'one acts here only by an override',
      { ...isolate, mode: 'observe', modes: { shop: 'canary' } },
      unisolate,
    ],
    ['over time', { ...isolate, trigger: { all: [{ when: 'link == "offline"' }] } }, unisolate],
  ])('%s', (_name, a, b) => {
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const [problem] = check(one, other)
      expect(problem?.severity).toBe('error')
      expect(problem?.found).toContain('a circle at')
      const steps = `first (${one.action}) → second (${other.action}) → first (`
      expect(problem?.found).toContain(steps)
    }
  })

  test('the circle in words', () => {
    expect(check(drain, { ...weight, cooldown: '10m' })).toEqual([
      {
        severity: 'error',
        names: ['first', 'second'],
        found:
          'a circle at service shop, inside cool-downs of 5 min and 10 min: ' +
          'first (drain) → second (set_weight) → first (drain)',
        expected: 'no two policies that can undo each other on one target',
        hint: expect.stringContaining('`for` longer than the cool-down'),
      },
    ])
  })
})

describe('sets that do not', () => {
  test.each<readonly [string, Written, Written]>([
    ['services of their own', isolate, { ...unisolate, services: ['stock'] }],
    ['one only observes', isolate, { ...unisolate, mode: 'observe' }],
    ['one only observes here', { ...isolate, modes: { shop: 'dry_run' } }, unisolate],
    ['one waits out the cool-down of the other', isolate, { ...unisolate, for: '5m' }],
    [
      'other zones',
      { ...isolate, trigger: 'zone == "a"' },
      { ...unisolate, trigger: 'zone == "b"' },
    ],
    ['restart and scale over different things', { ...restart, trigger: 'self_evident' }, scale],
    ['restart and diagnose', restart, { ...restart, action: 'diagnose', trigger: 'cpu > 0.7' }],
    ['restart and notify', restart, { ...scale, action: 'notify' }],
    ['two isolations', isolate, { ...isolate, trigger: 'link == "offline"' }],
    ['weights of two versions', weight, { ...weight, args: { ...weight.args, version: '3' } }],
    [
      'settings of two documents',
      { action: 'rollback_config', trigger: 'error_rate > 0.5', args: { name: 'a' } },
      { action: 'rollback_config', trigger: 'error_rate > 0.5', args: { name: 'b' } },
    ],
    ['isolate and restart', isolate, { ...restart, trigger: 'self_evident' }],
  ])('%s', (_name, a, b) => {
    expect(check(a, b).filter(({ severity }) => severity === 'error')).toEqual([])
    expect(check(b, a).filter(({ severity }) => severity === 'error')).toEqual([])
  })
})

test('every step of a ladder counts', () => {
  const ladder = [{ action: 'restart_instance' }, { steps: [{ action: 'isolate' }] }]
  const documents = [
    { name: 'up', spec: { trigger: 'health == "unhealthy"', ladder } },
    { name: 'down', spec: { trigger: 'probe == "up"', action: 'unisolate' } },
  ].flatMap(({ name, spec }) => {
    const parsed = parsePolicy({
      apiVersion: 'healstream.io/v1',
      kind: 'HealPolicy',
      metadata: { name },
      spec: { match: { services: ['shop'] }, mode: 'enforce', ...spec },
    })
    return parsed.ok && parsed.document.kind === 'HealPolicy' ? [parsed.document] : []
  })
  const circle = 'up (isolate) → down (unisolate) → up (isolate)'
  expect(checkSet(documents)[0]?.found).toContain(circle)
})

describe('shadows', () => {
  const wide = { action: 'restart_instance', trigger: 'error_rate > 0.5' } as const
  const narrow = { ...wide, trigger: 'error_rate > 0.6 && n >= 20' }

  test('whoever always comes first and acts alike leaves nothing to the other', () => {
    expect(check(wide, narrow)).toMatchObject([{ severity: 'warning', names: ['first', 'second'] }])
    expect(check({ ...wide, services: ['*'] }, narrow)).toHaveLength(1)
  })

  test.each<readonly [string, Written, Written]>([
    ['the narrow one comes first', narrow, wide],
    ['another action', { ...wide, action: 'diagnose' }, narrow],
    ['a longer wait', { ...wide, for: '1m' }, narrow],
    ['a longer cool-down', { ...wide, cooldown: '1h' }, narrow],
    ['other services', { ...wide, services: ['stock'] }, narrow],
    ['it only observes', { ...wide, mode: 'observe' }, narrow],
    ['not within', { ...wide, trigger: 'error_rate > 0.7' }, narrow],
    ['another window', { ...wide, evaluationMode: 'window', for: '10s' }, narrow],
  ])('not: %s', (_name, a, b) => {
    expect(check(a, b)).toEqual([])
  })
})

describe('circles of three and more', () => {
  // Each moves what the next one asks for, and nothing that the one before it asks for.
  const many = { action: 'restart_instance', trigger: 'service_instances > 5' } as const
  const erring = { action: 'drain', trigger: 'error_rate > 0.5 && n >= 20' } as const
  const idle = { ...scale, trigger: 'service_n < 100' } as const
  const circle = (some: { many?: object; erring?: object; idle?: object } = {}) =>
    checkAsking([
      asking('many', { ...many, ...some.many }),
      asking('erring', { ...erring, ...some.erring }),
      asking('idle', { ...idle, ...some.idle }),
    ])

  test('are refused, with the circle; the last one is to change', () => {
    expect(circle()).toMatchObject([
      {
        severity: 'error',
        names: ['many', 'erring', 'idle'],
        found:
          'a circle at service shop, inside cool-downs of 5 min and 5 min and 5 min: many ' +
          '(restart_instance) → erring (drain) → idle (scale) → many (restart_instance)',
      },
    ])
  })

  test.each([
    ['one only observes', { erring: { mode: 'observe' } }],
    ['no service in common', { idle: { services: ['cart'] } }],
    ['one waits until all have cooled down', { idle: { for: '6m' } }],
    ['one asks for something that nobody moves', { idle: { trigger: 'zone == "a"' } }],
    [
      'kept apart by their zones',
      {
        many: { trigger: 'service_instances > 5 && zone == "a"' },
        erring: { trigger: 'error_rate > 0.5 && n >= 20 && zone == "b"' },
      },
    ],
  ])('are none: %s', (_why, some) => {
    expect(circle(some).filter(({ severity }) => severity === 'error')).toEqual([])
  })

  test('with a pair in them that fights are told as the pair', () => {
    const fighting = circle({ erring: { trigger: 'p99_ms > 500 && n >= 20' } })
    expect(fighting.map(({ names }) => names)).toEqual([['erring', 'idle']])
  })
})
