// Plans as they are written: what becomes of them, and what is refused with which words.
import { describe, expect, test } from 'vitest'
import { gatesOf, type Plan, rungText } from '../../src/contracts/plan.ts'
import { parsePolicy } from '../../src/contracts/policy.ts'

const spec = (some: object): unknown => ({
  apiVersion: 'healstream.io/v1',
  kind: 'HealPolicy',
  metadata: { name: 'p' },
  spec: { trigger: 'true', ...some },
})

function plan(some: object): Plan {
  const parsed = parsePolicy(spec(some))
  if (!parsed.ok || parsed.document.kind !== 'HealPolicy') throw new Error(problem(some))
  return parsed.document.plan
}

function problem(some: object): string {
  const parsed = parsePolicy(spec(some))
  return parsed.ok ? 'none' : parsed.problems.map(({ expected }) => expected).join('; ')
}

describe('what is written', () => {
  test('one action is a plan of one rung that is tried again (S0-41)', () => {
    const found = plan({ action: 'restart_service' })
    expect(found).toMatchObject({ repeats: true, target: 'instance' })
    expect(found.rungs.map(rungText)).toEqual(['restart_instance'])
  })

  test('a ladder is tried rung by rung (S1-51)', () => {
    const ladder = [
      { action: 'restart_instance' },
      { action: 'reschedule', args: { cpu: 2 } },
      { action: 'restore' },
      { action: 'escalate' },
    ]
    const found = plan({ ladder })
    expect(found).toMatchObject({ repeats: false, target: 'instance' })
    expect(found.rungs.map(rungText)).toEqual([
      'restart_instance',
      'reschedule',
      'restore',
      'escalate',
    ])
    expect(found.rungs[1]?.steps[0]?.actions[0]?.args).toEqual({ cpu: '2' })
  })

  test('steps have times, gates and edges; weights are of the service (S0-46)', () => {
    const weights = (percent: number): object => ({
      action: 'set_weight',
      args: { version: 'v2', percent, others: 100 - percent },
      hold: '30s',
      gate: 'service_success_rate >= 0.99',
      onFailure: 0,
    })
    const found = plan({ ladder: [{ steps: [weights(0), weights(30), weights(100)] }] })
    expect(found.target).toBe('service')
    expect(found.rungs[0]?.steps[1]).toMatchObject({ holdMs: 30_000, onFailure: 0 })
    expect(gatesOf(found)).toHaveLength(3)
  })

  test('at the same time, and one instance after another (S1-42, S0-55)', () => {
    const parallel = [{ action: 'deregister' }, { action: 'restart_instance' }]
    expect(plan({ ladder: [{ parallel }] }).rungs.map(rungText)).toEqual([
      'deregister beside restart_instance',
    ])
    const rolling = plan({ ladder: [{ action: 'restart_instance', rolling: true }] })
    expect(rolling.target).toBe('service')
    expect(rolling.rungs.map(rungText)).toEqual(['restart_instance, one instance after another'])
  })
})

describe('what is refused', () => {
  test.each([
    [{}, 'either `action` or `ladder`'],
    [{ action: 'none', ladder: [{ action: 'none' }] }, 'either `action` or `ladder`'],
    [{ ladder: [] }, 'at least'],
    [{ ladder: Array.from({ length: 9 }, () => ({ action: 'none' })) }, 'at most 8'],
    [{ ladder: [{}] }, 'one of `action`, `parallel` and `steps`'],
    [{ ladder: [{ action: 'dance' }] }, 'one of restart_instance'],
    [{ ladder: [{ steps: [{ action: 'none', parallel: [] }] }] }, 'at least'],
    [{ ladder: [{ parallel: [{ action: 'none' }] }] }, 'at least'],
    [{ ladder: [{ action: 'drain', args: { timeout: 'soon' } }] }, 'a duration'],
    [{ ladder: [{ steps: [{ action: 'notify' }] }] }, 'notify needs the argument to'],
    [{ action: 'scale', args: { metric: 'cpu' } }, 'scale needs the argument target'],
    [{ ladder: [{ action: 'none' }], args: { a: 'b' } }, 'a ladder has them in its rungs'],
    [{ ladder: [{ action: 'none', onFailure: 3 }] }, 'steps count from 0'],
    [{ ladder: [{ action: 'none', onFailure: 'maybe' }] }, 'fail, next or a step'],
    [{ ladder: [{ steps: [{ action: 'none' }, { action: 'none', onSuccess: 0 }] }] }, 'leads on'],
    [{ ladder: [{ action: 'scale', rolling: true }] }, 'scale needs'],
    [{ ladder: [{ action: 'none', timeout: 'x' }] }, 'a duration'],
    [{ action: 'drain', args: { timeout: true } }, 'a text or a number'],
  ])('%j: %s', (some, words) => {
    expect(problem(some)).toContain(words)
  })
})
