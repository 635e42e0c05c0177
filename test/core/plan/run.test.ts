// One rung under way against an independent model: plain recursion over the steps, which says from
// what became of each call and gate where a rung must end. Only listed moves, always an end.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { instanceId, policyName } from '../../../src/contracts/ids.ts'
import type { PlanStep, Rung } from '../../../src/contracts/plan.ts'
import { ImageReader, ImageWriter } from '../../../src/core/kernel/image.ts'
import {
  afterCalls,
  afterHold,
  begin,
  type Call,
  fail,
  finish,
  loadRun,
  newRun,
  type Run,
  saveRun,
  settle,
  stepOf,
  verified,
} from '../../../src/core/plan/run.ts'

const POLICY = { name: policyName('p'), version: 1, sha256: 'x' }
const step = (some: Partial<PlanStep> = {}): PlanStep => ({
  actions: [{ action: 'none', args: {} }],
  timeoutMs: 1_000,
  holdMs: 0,
  gate: null,
  onSuccess: null,
  onFailure: 'fail',
  ...some,
})
const call = (some: Partial<Call> = {}): Call => ({
  action: 'none',
  instance: null,
  command: null,
  untilMs: 0,
  state: 'open',
  ...some,
})
const started = (): Run =>
  newRun({ policy: POLICY, rung: 0, verifyMs: 1, targets: [], incarnation: 1 }, 0)

/** What becomes of a step when it is its turn. */
interface Fate {
  readonly call: 'done' | 'vague' | 'failed' | 'never begun'
  readonly gate: 'open' | 'closed' | 'unknown'
}

/** From the definition: the steps in the order of their turns, and the end. */
function model(
  steps: readonly PlanStep[],
  fates: readonly Fate[],
): { turns: number[]; end: string } {
  const turns: number[] = []
  const after = (i: number): number => steps[i]?.onSuccess ?? i + 1
  const lost = (i: number): { turns: number[]; end: string } => {
    const to = steps[i]?.onFailure ?? 'fail'
    if (to === 'fail') return { turns, end: 'failed' }
    if (to === 'next') return walk(after(i))
    // Back to a step that takes it back: it is carried out if it can be, and that is the end.
    turns.push(to)
    return { turns, end: 'failed' }
  }
  const walk = (i: number): { turns: number[]; end: string } => {
    if (i >= steps.length) return { turns, end: 'verifying' }
    turns.push(i)
    const { call: came, gate } = fates[i] ?? { call: 'done', gate: 'open' }
    const isLast = after(i) >= steps.length
    if (came === 'never begun' || came === 'failed' || (came === 'vague' && !isLast)) return lost(i)
    const { gate: text, holdMs } = steps[i] ?? step()
    if (text !== null && gate !== 'open') return lost(i)
    expect(holdMs).toBeGreaterThanOrEqual(0)
    return walk(after(i))
  }
  return walk(0)
}

/** The machine over the same. */
function play(rung: Rung, fates: readonly Fate[]): { turns: number[]; end: string } {
  let run = started()
  const turns: number[] = []
  let nowMs = 0
  for (let i = 0; i < 100 && run.phase !== 'verifying' && run.phase !== 'failed'; i++) {
    nowMs += 10
    const fate = fates[run.step] ?? { call: 'done', gate: 'open' }
    if (run.phase === 'waiting') {
      turns.push(run.step)
      if (fate.call === 'never begun') fail(run, rung, nowMs)
      else begin(run, [call()], nowMs)
    } else if (run.phase === 'acting') {
      const [open] = run.calls
      if (open !== undefined && fate.call !== 'never begun') settle(run, open, fate.call)
      afterCalls(run, rung, nowMs)
    } else {
      const gate = stepOf(run, rung).gate === null ? 'open' : fate.gate
      afterHold(run, rung, { nowMs: nowMs + 1_000, gate })
    }
    const to = new ImageWriter()
    saveRun(run, to)
    const again = loadRun(new ImageReader(Buffer.concat([...to.pieces()])))
    expect(again).toEqual(run)
    run = again
  }
  return { turns, end: run.phase }
}

const fates = fc.array(
  fc.record<Fate>({
    call: fc.constantFrom('done', 'done', 'done', 'vague', 'failed', 'never begun'),
    gate: fc.constantFrom('open', 'open', 'closed', 'unknown'),
  }),
  { minLength: 5, maxLength: 5 },
)
const plans = fc
  .array(
    fc.record({
      holdMs: fc.constantFrom(0, 500),
      gate: fc.constantFrom(null, 'g'),
      skips: fc.boolean(),
      onFailure: fc.constantFrom<PlanStep['onFailure']>('fail', 'next', 0, 1),
    }),
    { minLength: 1, maxLength: 5 },
  )
  .map((steps) =>
    steps.map(({ skips, onFailure, ...some }, i) => {
      const isThere = typeof onFailure !== 'number' || onFailure < steps.length
      const onSuccess = skips && i + 2 < steps.length ? i + 2 : null
      return step({ ...some, onSuccess, onFailure: isThere ? onFailure : 'fail' })
    }),
  )

test('ends where the model says, over the same steps, also over an image after each move', () => {
  fc.assert(
    fc.property(plans, fates, (steps, came) => {
      expect(play({ steps, rolling: false }, came)).toEqual(model(steps, came))
    }),
    { numRuns: 500 },
  )
})

describe('calls at the same time (S1-42)', () => {
  const rung = { steps: [step(), step()], rolling: false }
  test('the step is done when all are, in any order', () => {
    for (const order of [
      [0, 1],
      [1, 0],
    ]) {
      const run = started()
      begin(run, [call(), call()], 1)
      for (const [i, at] of order.entries()) {
        const one = run.calls[at]
        if (one !== undefined) settle(run, one, 'done')
        afterCalls(run, rung, 2)
        expect([run.phase, run.step]).toEqual(i === 0 ? ['acting', 0] : ['waiting', 1])
      }
    }
  })

  test('what was said to be done is not taken back; what was vague may become certain', () => {
    const run = started()
    const one = call({ action: 'restart_instance' })
    begin(run, [one], 1)
    settle(run, one, 'vague')
    expect([one.state, run.certain]).toEqual(['vague', false])
    settle(run, one, 'done')
    expect([one.state, run.certain]).toEqual(['done', true])
    settle(run, one, 'failed')
    expect([one.state, run.certain]).toEqual(['done', true])
  })
})

describe('the gate', () => {
  const rung = { steps: [step({ holdMs: 100, gate: 'g' })], rolling: false }
  const holding = (): Run => {
    const run = started()
    begin(run, [call({ state: 'done' })], 0)
    afterCalls(run, rung, 0)
    return run
  }
  test.each([
    [
      [
        ['open', 10],
        ['closed', 20],
      ],
      'failed',
      'closes: at once, not at the end of the hold',
    ],
    [
      [
        ['closed', 10],
        ['open', 50],
        ['open', 100],
      ],
      'verifying',
      'opens late',
    ],
    [
      [
        ['unknown', 10],
        ['unknown', 100],
      ],
      'failed',
      'is never known',
    ],
    [
      [
        ['open', 10],
        ['unknown', 99],
      ],
      'holding',
      'is not known for a while',
    ],
    [
      [
        ['closed', 99],
        ['closed', 100],
      ],
      'failed',
      'never opens',
    ],
  ] as const)('%j: %s (%s)', (seen, phase, _why) => {
    const run = holding()
    for (const [gate, nowMs] of seen) afterHold(run, rung, { nowMs, gate })
    expect(run.phase).toBe(phase)
  })
})

test('of a rolling rung one instance follows another, each from the first step', () => {
  const rung = { steps: [step(), step()], rolling: true }
  const run = { ...started(), targets: ['a', 'b'].map((one) => one as Run['targets'][number]) }
  finish({ ...run }, 1)
  for (const left of [1, 0]) {
    for (const _ of rung.steps) {
      begin(run, [call({ state: 'done' })], 1)
      afterCalls(run, rung, 1)
    }
    expect(run.phase).toBe('verifying')
    verified(run, 2)
    expect([run.phase, run.targets.length]).toEqual([left === 0 ? 'done' : 'waiting', left])
  }
})

describe('what is known of the effect of a step', () => {
  const rungOf = (...steps: readonly PlanStep[]): Rung => ({ rolling: false, steps })
  const acting = (...calls: Call[]): Run => {
    const run = started()
    begin(run, calls, 1)
    return run
  }

  test('certain is what every act has confirmed; a late word makes it so again', () => {
    const run = acting(call(), call())
    const [first = call(), second = call()] = run.calls
    settle(run, first, 'done')
    expect(run.certain).toBe(false)
    settle(run, second, 'vague')
    expect([run.certain, second.state]).toEqual([false, 'vague'])
    settle(run, first, 'failed')
    expect([first.state, run.certain]).toEqual(['done', false])
    settle(run, second, 'done')
    expect([run.certain, second.state]).toEqual([true, 'done'])
  })

  test.each([
    ['restart_instance', [true, true]],
    ['drain', [false, true]],
    ['diagnose', [false, false]],
  ] as const)('%s waits for a new life or to look well', (action, wants) => {
    const run = acting(call({ action, state: 'done' }))
    afterCalls(run, rungOf(step()), 2)
    expect([run.wantsAnew, run.wantsWell]).toEqual(wants)
  })

  test('one vague act of several fails a step that is not the last', () => {
    const calls = (): Call[] => [call({ state: 'done' }), call({ state: 'vague' })]
    const early = acting(...calls())
    afterCalls(early, rungOf(step(), step()), 2)
    expect(early.phase).toBe('failed')
    const last = acting(...calls())
    afterCalls(last, rungOf(step()), 2)
    expect(last.phase).toBe('verifying')
  })

  test('without hold and gate a step is over at once; a hold ends only while holding', () => {
    const run = acting(call({ state: 'done' }))
    afterHold(run, rungOf(step()), { nowMs: 9_000, gate: 'open' })
    expect(run.phase).toBe('acting')
    afterCalls(run, rungOf(step(), step()), 2)
    expect([run.phase, run.step]).toEqual(['waiting', 1])
    const held = acting(call({ state: 'done' }))
    afterCalls(held, rungOf(step({ holdMs: 1 })), 2)
    expect(held.phase).toBe('holding')
  })

  test('the next instance of a rolling rung begins with nothing known', () => {
    const targets = ['a', 'b', 'c'].map((name) => instanceId(name))
    const run = newRun({ policy: POLICY, rung: 0, verifyMs: 1, targets, incarnation: 1 }, 0)
    begin(run, [call({ action: 'restart_instance', state: 'done' })], 1)
    run.certain = false
    afterCalls(run, rungOf(step()), 2)
    verified(run, 3)
    expect(run).toMatchObject({ phase: 'waiting', wantsWell: false, wantsAnew: false })
    expect([run.certain, run.targets]).toEqual([true, ['b', 'c']])
    begin(run, [call({ state: 'done' })], 4)
    finish(run, 5)
    expect([run.phase, run.targets]).toEqual(['verifying', ['b']])
  })

  test('an act without a clear answer stays that in an image', () => {
    const run = acting(call({ state: 'vague' }))
    const to = new ImageWriter()
    saveRun(run, to)
    expect(loadRun(new ImageReader(to.pieces()[0] ?? new Uint8Array(0)))).toEqual(run)
  })
})
