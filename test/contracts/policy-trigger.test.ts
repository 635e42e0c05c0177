// Triggers as they are written, windows that are kept, and the rung of the ladder by service.
import { describe, expect, test } from 'vitest'
import { fieldOfJudgement } from '../../src/contracts/heal-policy.ts'
import { parsePolicy } from '../../src/contracts/policy.ts'
import { modeOf, windowProblem } from '../../src/contracts/policy-trigger.ts'

const envelope = (spec: object): object => ({
  apiVersion: 'healstream.io/v1',
  kind: 'HealPolicy',
  metadata: { name: 'x' },
  spec: { action: 'restart_instance', trigger: 'n > 1', ...spec },
})
const parse = (spec: object): unknown => {
  const parsed = parsePolicy(envelope(spec))
  return parsed.ok ? parsed.document : parsed.problems.map(({ expected }) => expected)
}

describe('conditions over time', () => {
  const [a, b] = [{ when: 'link == "offline"' }, { when: 'n > 5' }]

  test('S0-54: within 30 s, unless the policy says otherwise', () => {
    expect(parse({ trigger: { all: [a, b] } })).toMatchObject({
      trigger: '(link == "offline") and (n > 5)',
      composite: { how: 'all', clauses: [a.when, b.when], withinMs: 30_000 },
    })
    expect(parse({ trigger: { sequence: [a, b], within: '2m' } })).toMatchObject({
      trigger: '(link == "offline") then (n > 5)',
      composite: { how: 'sequence', withinMs: 120_000 },
    })
    expect(parse({ trigger: 'n > 1' })).toMatchObject({ trigger: 'n > 1', composite: null })
  })

  test.each([
    [{}, 'exactly one of all, any and sequence'],
    [{ all: [a], any: [b] }, 'exactly one of all, any and sequence'],
    [{ all: [a], within: '2h' }, 'from 1ms to 1h'],
    [{ all: [a], within: '0s' }, 'from 1ms to 1h'],
    [{ all: [a], withn: '1s' }, 'one of all, any, sequence, within'],
    [{ all: [] }, 'at least 1'],
    [{ all: [{}] }, 'a text'],
    [5, 'a condition in CEL, or {all: [{when: …}, …], within: 30s}'],
    [[a], 'a condition in CEL, or {all: [{when: …}, …], within: 30s}'],
  ])('refused: %j', (trigger, expected) => {
    expect(parse({ trigger })).toEqual([expected])
  })
})

test('a service can stand on another rung than the policy', () => {
  const policy = { mode: 'observe', modes: { shop: 'enforce' } } as const
  expect(['shop', 'stock', 'toString'].map((service) => modeOf(policy, service))).toEqual([
    'enforce',
    'observe',
    'observe',
  ])
})

test('what is taken over a window is taken over one that is kept', () => {
  expect([10_000, 60_000, 300_000].map((ms) => windowProblem('window', ms))).toEqual([
    null,
    null,
    null,
  ])
  expect(windowProblem('window', undefined)).toContain('10s, 60s or 5m')
  expect(windowProblem('window', 30_000)).toContain('10s, 60s or 5m')
  expect(windowProblem('sustained', 30_000)).toBeNull()
})

test('what only judgement knows is told by its field', () => {
  const field = (spec: object): string | null => {
    const parsed = parsePolicy(envelope(spec))
    return parsed.ok && parsed.document.kind === 'HealPolicy'
      ? fieldOfJudgement(parsed.document)
      : 'none'
  }
  const window = { evaluationMode: 'window', evaluationWindow: '60s' }
  expect(field(window)).toBeNull()
  expect(field({})).toBeNull()
  expect(field({ ...window, evaluationWindow: '10s' })).toBe('evaluationWindow')
  expect(field({ modes: { shop: 'canary' } })).toBe('modes')
  expect(field({ canaryShare: 0.1 })).toBe('canaryShare')
  expect(field({ trigger: { all: [{ when: 'n > 1' }] } })).toBe('trigger')
})
