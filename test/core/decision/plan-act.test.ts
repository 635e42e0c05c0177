// Plans as they are carried out, with facts and answers written by hand.
import { describe, expect, test } from 'vitest'
import { instanceId } from '../../../src/contracts/ids.ts'
import { viewKey } from '../../../src/contracts/view-key.ts'
import { overlay } from '../../../src/core/decision/healing.ts'
import type { InstanceFacts } from '../../../src/core/kernel/facts.ts'
import { noteInFlight } from '../../../src/core/plan/marks.ts'
import { PlanWorld } from './plan-world.ts'
import { crashed, figures, finding, instance, SHOP } from './world.ts'

const [A, B, C] = [instance('a'), instance('b'), instance('c')]
const anew = (incarnation: number, some: Partial<InstanceFacts> = {}): InstanceFacts =>
  instance('a', { incarnation, ...some })

function broken(ladder: readonly object[], some: object = {}): PlanWorld {
  const world = new PlanWorld()
  world.ladder(ladder, some)
  world.step([A, B, C])
  world.step([crashed('a'), B, C], { afterMs: 1_000 })
  return world
}
const words = (world: PlanWorld): string => world.events.map(({ summary }) => summary).join('\n')

describe('a ladder (S1-51)', () => {
  test('goes from restart to restore when a restart is without effect, then to a person', () => {
    const ladder = [{ action: 'restart_instance' }, { action: 'restore' }, { action: 'escalate' }]
    const world = broken(ladder, { verify: '10s' })
    expect(world.ordered).toEqual(['restart a'])
    world.answer('restart', 'succeeded')
    world.step([crashed('a', { incarnation: 2 }), B, C], { afterMs: 500 })
    world.step([crashed('a', { incarnation: 2 }), B, C], { afterMs: 10_000 })
    expect(world.ordered).toEqual(['restart a', 'restore a'])
    world.answer('restore', 'failed')
    world.step([crashed('a', { incarnation: 2 }), B, C], { afterMs: 500 })
    expect(world.ordered).toHaveLength(2)
    expect(world.last).toMatchObject({ state: 'escalated', facts: { outcome: 'escalated' } })
    world.step([anew(3), B, C], { afterMs: 500 })
    world.step([anew(3), B, C], { afterMs: 60_000 })
    expect(world.last).toMatchObject({
      state: 'recovered',
      facts: { outcome: 'healed_after_escalation' },
    })
  })

  test('without a last rung that says so, a person all the same: never silent (S2-46)', () => {
    const world = broken([{ action: 'restart_instance' }])
    world.answer('restart', 'refused', { refusal: 'unsupported' })
    world.step([crashed('a'), B, C], { afterMs: 500 })
    expect(world.last).toMatchObject({ event: 'escalated', state: 'escalated' })
    expect(world.last.summary).toContain('no rung of policy plan has helped')
  })
})

describe('a fault that no policy knows (S0-56)', () => {
  test('is left to a person within 5 s, without a command', () => {
    const world = new PlanWorld()
    world.step([A, B])
    world.step([crashed('a'), B], { afterMs: 1_000 })
    world.step([crashed('a'), B], { afterMs: 3_999 })
    expect(world.said()).toEqual(['detected:detected'])
    world.step([crashed('a'), B], { afterMs: 1 })
    expect(world.said()).toEqual(['escalated:escalated'])
    expect(world.commands).toEqual([])
  })

  test('may become known: the policy acts, and it counts as healed after escalation', () => {
    const world = new PlanWorld()
    world.step([A, B])
    world.step([crashed('a'), B], { afterMs: 1_000 })
    world.step([crashed('a'), B], { afterMs: 5_000 })
    world.ladder([{ action: 'restart_instance' }])
    world.step([crashed('a'), B], { afterMs: 1_000 })
    expect(world.ordered).toEqual(['restart a'])
    world.answer('restart', 'succeeded')
    world.step([anew(2), B], { afterMs: 500 })
    world.step([anew(2), B], { afterMs: 60_000 })
    expect(world.last.facts).toEqual({ outcome: 'healed_after_escalation' })
  })
})

describe('drain (S3-38)', () => {
  const ladder = [
    { steps: [{ action: 'drain', args: { timeout: '30s' } }, { action: 'restart_instance' }] },
  ]
  const routable = (world: PlanWorld): boolean | null =>
    overlay(world.state, SHOP, instanceId('a')).routable

  test('isolates, waits for nothing in flight, then acts; all is told', () => {
    const world = broken(ladder)
    expect(world.last.state).toBe('isolating')
    expect(routable(world)).toBe(false)
    noteInFlight(world.state.marks, viewKey('shop', 'a'), 3)
    world.step([crashed('a'), B, C], { afterMs: 1_000 })
    expect(world.commands).toEqual([])
    noteInFlight(world.state.marks, viewKey('shop', 'a'), 0)
    world.step([crashed('a'), B, C], { afterMs: 1_000 })
    expect(world.ordered).toEqual(['restart a'])
    world.answer('restart', 'succeeded')
    world.step([anew(2), B, C], { afterMs: 500 })
    world.step([anew(2), B, C], { afterMs: 60_000 })
    expect(world.last.state).toBe('recovered')
    expect(words(world)).toContain('nothing is in flight any more')
    expect(words(world)).toContain('taken back: drain of shop/a')
    expect(routable(world)).toBeNull()
    expect(world.state.marks.size).toBe(0)
  })

  test('goes on without what is stuck at the end of its time, and says so', () => {
    const world = broken(ladder)
    noteInFlight(world.state.marks, viewKey('shop', 'a'), 1)
    world.step([crashed('a'), B, C], { afterMs: 29_999 })
    expect(world.commands).toEqual([])
    world.step([crashed('a'), B, C], { afterMs: 1 })
    expect(world.ordered).toEqual(['restart a'])
    expect(words(world)).toContain('requests are still in flight')
  })

  test('a person who holds it stops the next step, and the drain is taken back', () => {
    const world = broken(ladder)
    world.operator({})
    noteInFlight(world.state.marks, viewKey('shop', 'a'), 0)
    world.step([crashed('a'), B, C], { afterMs: 1_000 })
    expect(world.commands).toEqual([])
    world.step([crashed('a'), B, C], { afterMs: 60_000 })
    expect(world.commands).toEqual([])
    expect(words(world)).toContain('guard hold refuses')
    expect(world.state.marks.size).toBe(0)
  })
})

describe('deregister beside restart (S1-42)', () => {
  const parallel = [{ action: 'deregister' }, { action: 'restart_instance' }]
  const moves = ['deregister', 'restart', 'register'] as const

  test.each([[[0, 1, 2]], [[0, 2, 1]], [[1, 0, 2]], [[1, 2, 0]], [[2, 0, 1]], [[2, 1, 0]]])(
    'answers and registration in the order %j: recovered as the new incarnation',
    (order) => {
      const world = broken([{ parallel }])
      expect(world.ordered).toEqual(['deregister a', 'restart a'])
      expect(world.commands.map(({ target }) => target.incarnation)).toEqual([1, 1])
      let facts = crashed('a')
      for (const at of order) {
        const move = moves[at]
        if (move === 'register') facts = anew(2)
        else if (move !== undefined) world.answer(move, 'succeeded')
        // It names the failed incarnation: that one is taken out, never the new one.
        if (move === 'deregister' && facts.incarnation === 1)
          facts = crashed('a', { lifecycle: 'gone' })
        world.step([facts, B, C], { afterMs: 100 })
      }
      world.step([facts, B, C], { afterMs: 60_000 })
      expect(facts).toMatchObject({ incarnation: 2, lifecycle: 'ready' })
      expect(world.last).toMatchObject({ state: 'recovered', incarnation: 2 })
    },
  )
})

describe('one after another (S0-55)', () => {
  test('each of a service, never two at once, then people are told', () => {
    const world = new PlanWorld()
    world.ladder(
      [
        {
          steps: [{ action: 'restart_instance' }, { action: 'notify', args: { to: 'sre' } }],
          rolling: true,
        },
      ],
      { trigger: 'service_p99_ms > 100.0' },
    )
    const slow = (name: string, incarnation: number): InstanceFacts =>
      instance(name, { incarnation, window: figures(100, 0, incarnation === 1 ? 900_000 : 9_000) })
    const lives = new Map([
      ['a', 1],
      ['b', 1],
      ['c', 1],
    ])
    const facts = (): InstanceFacts[] => [...lives].map(([name, life]) => slow(name, life))
    const all = (): Parameters<PlanWorld['step']>[1] => ({
      services: [{ service: SHOP, window: figures(300, 0, 900_000), instances: facts() }],
    })
    world.step(facts(), all())
    world.step(facts(), { ...all(), afterMs: 2_000 })
    for (const name of ['a', 'b', 'c']) {
      expect(world.ordered.at(-1)).toBe(`restart ${name}`)
      expect(world.state.marks.size).toBe(1)
      world.answer('restart', 'succeeded')
      lives.set(name, 2)
      world.step(facts(), { ...all(), afterMs: 100 })
      world.step(facts(), { ...all(), afterMs: 100 })
      world.step(facts(), { ...all(), afterMs: 5_000 })
    }
    expect(world.ordered).toEqual(['restart a', 'restart b', 'restart c'])
    expect(world.notified).toEqual(['sre', 'sre', 'sre'])
    // What was counted before is still in the figures of the service; it leaves them by itself.
    expect(world.last.event).toBe('effective')
    world.step(facts(), { afterMs: 1_000 })
    const own = world.events.filter((event) => event.instance === null)
    expect(own.at(-1)).toMatchObject({ state: 'recovered' })
    expect(world.state.marks.size).toBe(0)
  })
})

describe('weights (S0-46)', () => {
  const weight = (percent: number): object => ({
    action: 'set_weight',
    args: { version: 'v2', percent, others: 100 - percent },
    hold: '10s',
    gate: 'service_success_rate >= 0.99',
    onFailure: 0,
  })
  const ramp = [{ steps: [weight(0), weight(30), weight(70), weight(100)] }]
  const [OLD, NEW] = [instance('old', { appVersion: 'v1' }), instance('new', { appVersion: 'v2' })]
  const shares = (world: PlanWorld): (number | null)[] =>
    ['old', 'new'].map((name) => overlay(world.state, SHOP, instanceId(name)).maxPercent)
  const went = (world: PlanWorld, errors: number, afterMs: number): void => {
    const service = { service: SHOP, window: figures(100, errors), instances: [NEW, OLD] }
    world.step([NEW, OLD], { services: [service], afterMs })
  }
  const start = (): PlanWorld => {
    const world = new PlanWorld()
    world.ladder(ramp, { trigger: 'service_instances >= 2' })
    went(world, 0, 0)
    went(world, 0, 2_000)
    return world
  }

  test('step by step with a gate each, and all taken back at the end', () => {
    const world = start()
    const seen: unknown[] = []
    for (let i = 0; i < 4; i++) {
      const [old, now] = shares(world)
      seen.push([overlay(world.state, SHOP, instanceId('new')).routable === false ? 0 : now, old])
      went(world, 0, 10_000)
    }
    expect(seen.slice(0, 3)).toEqual([
      [0, 100],
      [30, 70],
      [70, 30],
    ])
    expect(world.state.marks.size).toBe(0)
    expect(words(world)).toContain('weights are 100 for version v2 and 0 for all others')
    expect(words(world)).toContain('taken back')
  })

  test('a gate that closes in step 2 leads back to step 0 at once, and to a person', () => {
    const world = start()
    went(world, 0, 10_000)
    expect(shares(world)).toEqual([70, 30])
    went(world, 0, 1_000)
    went(world, 5, 1_000)
    expect(overlay(world.state, SHOP, instanceId('new')).routable).toBe(false)
    expect(overlay(world.state, SHOP, instanceId('old')).maxPercent).toBe(100)
    expect(world.last).toMatchObject({ state: 'escalated', instance: null })
    expect(world.commands).toEqual([])
  })
})

describe('a new host (S3-29 to S3-31)', () => {
  const on = (name: string, host: string, some: Partial<InstanceFacts> = {}): InstanceFacts =>
    instance(name, {
      host,
      metadata: { cpu: '2', memory: '512', host_cpu: '4', host_memory: '4096' },
      ...some,
    })
  const lost = (name: string): InstanceFacts =>
    on(name, 'h1', {
      health: 'unhealthy',
      agentHeard: false,
      findings: [finding({ detector: 'silence', sinceMs: 0 })],
      probe: null,
    })

  test('what fits is placed, the failed incarnation as fence; else it stays pending', () => {
    const world = new PlanWorld()
    world.ladder([{ action: 'reschedule' }])
    const [h2, h3] = [
      on('c', 'h2'),
      on('d', 'h3', { metadata: { host_cpu: '1', host_memory: '99' } }),
    ]
    world.step([on('a', 'h1'), on('b', 'h1'), h2, h3])
    world.step([lost('a'), lost('b'), h2, h3], { afterMs: 1_000 })
    expect(world.commands).toHaveLength(1)
    expect(world.commands[0]).toMatchObject({
      action: 'reschedule',
      args: { fence: '1' },
      target: { instance: 'a', incarnation: 1, agent: 'agent-c' },
    })
    expect(words(world)).toContain('pending: no host has room for it')
    world.answer('reschedule', 'succeeded')
    const moved = on('a', 'h2', { incarnation: 2, agent: h2.agent })
    world.step([moved, lost('b'), h2, h3], { afterMs: 1_000 })
    expect(world.commands).toHaveLength(1)
    // Capacity comes: a host in standby registers.
    const h4 = on('e', 'h4', { lifecycle: 'standby' })
    world.step([moved, lost('b'), h2, h3, h4], { afterMs: 1_000 })
    expect(world.ordered).toEqual(['reschedule a', 'reschedule b'])
    expect(world.commands[1]?.target.agent).toBe('agent-e')
  })
})

test('scale asks for what the formula says (S0-50)', () => {
  const world = new PlanWorld()
  const args = { metric: 'cpu', target: 0.7, min: 1, max: 10 }
  world.document('HealPolicy', 'plan', {
    match: { services: ['*'] },
    mode: 'enforce',
    trigger: 'cpu > 0.8',
    action: 'scale',
    args,
  })
  const busy = ['a', 'b', 'c'].map((name) => instance(name, { signs: { ...A.signs, cpu: 1.4 } }))
  world.step(busy)
  expect(world.commands).toHaveLength(1)
  expect(world.commands[0]).toMatchObject({ action: 'scale', args: { replicas: '6' } })
})
