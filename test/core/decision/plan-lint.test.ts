// S0-50: what a plan scales by has a name that somebody knows; gates are conditions. A plan with
// neither is refused where it is read and where it would come into force, with what was meant.
import { describe, expect, test } from 'vitest'
import { formatFinding, readPolicies } from '../../../src/config/policy-file.ts'
import { planOfAction, planOfLadder } from '../../../src/contracts/plan.ts'
import { metricProblem, planProblem } from '../../../src/core/decision/plan-lint.ts'
import { PlanWorld } from './plan-world.ts'
import { instance } from './world.ts'

const scale = (metric: string): { action: 'scale'; args: Record<string, string> } => {
  return { action: 'scale', args: { metric, target: '0.7', min: '1', max: '10' } }
}

describe('the metric of scale', () => {
  test.each([
    ['cpu', null],
    ['service_p99_ms', null],
    ['metrics.queue_length', null],
    ['cpuu', { message: 'is no fact', hint: 'did you mean "cpu"?' }],
    [
      'queue_length',
      { message: 'is no fact', hint: 'a metric of your own is metrics.queue_length' },
    ],
    ['health', { message: 'is no number', hint: null }],
    ['metrics', { message: 'is no number', hint: null }],
    ['metrics.', { message: 'is no fact', hint: 'did you mean "metrics"?' }],
    ['constructor', { message: 'is no fact', hint: 'a metric of your own is metrics.constructor' }],
  ])('%s', (name, expected) => {
    const found = metricProblem(name)
    if (name === 'metrics.') expect(found?.message).toBe('is no fact')
    else expect(found).toEqual(expected)
  })

  test('is found wherever it stands, and what is wrong with a gate too', () => {
    expect(planProblem(planOfAction(scale('cpu')))).toBeNull()
    expect(planProblem(planOfAction(scale('cpuu')))).toMatchObject({ rung: 0, field: 'metric' })
    const steps = [{ action: 'drain' }, { ...scale('cpu'), gate: 'cpu >' }]
    const ladder = planOfLadder([{ action: 'restart_instance' }, { steps }])
    expect(planProblem(ladder)).toMatchObject({ rung: 1, step: 1, field: 'gate', text: 'cpu >' })
  })
})

describe('a file', () => {
  const file = (plan: string): readonly string[] => {
    const text = `apiVersion: healstream.io/v1
kind: HealPolicy
metadata: { name: more }
spec:
  match: { services: [shop] }
  mode: observe
  trigger: cpu > 0.8
${plan}`
    return readPolicies(text, 'more.yaml').findings.map(formatFinding)
  }

  test('says where, what, and what was meant', () => {
    const action = '  action: scale\n  args: { metric: cpuu, target: 1, min: 1, max: 3 }\n'
    expect(file(action)).toEqual([
      'more.yaml:9:19: error: spec.args.metric: found "cpuu" (is no fact), ' +
        'expected a fact that is a number; did you mean "cpu"?',
    ])
    const ladder =
      '  ladder:\n    - steps:\n        - action: restart_instance\n          gate: cpu <\n'
    expect(file(ladder)).toEqual([
      expect.stringMatching(
        /^more[.]yaml:11:\d+: error: spec[.]ladder\[0\][.]steps\[0\][.]gate: found .* CEL/,
      ),
    ])
  })

  test('that is right comes into force, and scales by a metric of its own', () => {
    const world = new PlanWorld()
    world.document('HealPolicy', 'plan', {
      match: { services: ['*'] },
      mode: 'enforce',
      trigger: 'metrics["queue"] > 100.0',
      action: 'scale',
      args: { metric: 'metrics.queue', target: '50', min: '1', max: '10' },
    })
    const busy = ['a', 'b'].map((name) => instance(name, { metrics: new Map([['queue', 120]]) }))
    world.step(busy)
    expect(world.commands).toMatchObject([{ action: 'scale', args: { replicas: '5' } }])
  })

  test('that is wrong is refused by a task, too', () => {
    const world = new PlanWorld()
    world.document('HealPolicy', 'plan', {
      match: { services: ['*'] },
      mode: 'enforce',
      trigger: 'cpu > 0.8',
      ...scale('cpuu'),
    })
    world.step([])
    expect(world.last.summary).toContain('refused: metric cpuu: is no fact')
  })
})
