// From a match to a command or a refusal: modes, several policies, refusals told once per cause.
import { describe, expect, test } from 'vitest'
import { crash, crashed, instance, LOOSE, World } from './world.ts'

const [a, b, c] = [instance('a'), instance('b'), instance('c')]

describe('modes', () => {
  test.each(['observe', 'dry_run'])('%s tells everything and commands nothing', (mode) => {
    const world = new World()
    world.policy({ mode })
    crash(world)
    expect(world.said()).toEqual(['detected:detected', 'matched:matched', 'refused:matched'])
    expect(world.last.summary).toContain(`refused by guard mode: ${mode}`)
    expect(world.last.guards.filter(({ passed }) => !passed)).toHaveLength(1)
    for (let i = 0; i < 100; i++) world.step([crashed('a'), b, c], { afterMs: 10_000 })
    expect(world.commands).toEqual([])
    expect(world.said()).toEqual([])
  })

  test('canary acts on the first instance of a service only', () => {
    const world = new World()
    world.policy({ mode: 'canary' })
    world.guards(LOOSE)
    world.step([a, b, c])
    world.step([crashed('a'), crashed('b'), c], { afterMs: 1_000 })
    expect(world.commands.map(({ target }) => target.instance)).toEqual(['a'])
    expect(world.last.summary).toContain('canary, not the first instance')
  })

  test('an observing policy beside an enforcing one does not keep it from acting', () => {
    const world = new World()
    world.policy({ mode: 'observe' }, 'a-watch')
    world.policy({}, 'b-act')
    crash(world)
    expect(world.commands.map(({ policy }) => policy)).toEqual(['b-act'])
    const matched = world.events.filter(({ event }) => event === 'matched')
    expect(matched.map(({ policy }) => policy?.name)).toEqual(['a-watch', 'b-act'])
  })
})

describe('attempts and policies', () => {
  test('a trigger that no longer holds at the moment of the act does not act', () => {
    const world = new World()
    world.policy({ trigger: 'p99_ms > 500 && n >= 20', for: '10s' })
    world.step([a, b, c])
    const slow = instance('a', { window: { ...a.window, n: 20, p99Us: 600_000 } })
    world.step([slow, b, c], { afterMs: 1_000 })
    world.step([a, b, c], { afterMs: 10_000 })
    expect(world.said()).toEqual([])
  })

  test('a match opens an incident where no detector found anything', () => {
    const world = new World()
    world.policy({ trigger: 'p99_ms > 500 && n >= 20', for: '10s' })
    const slow = instance('a', { window: { ...a.window, n: 20, p99Us: 600_000 } })
    world.step([a, b, c])
    world.step([slow, b, c], { afterMs: 1_000 })
    world.step([slow, b, c], { afterMs: 10_000 })
    expect(world.said()).toEqual(['detected:detected', 'matched:matched', 'commanded:repairing'])
    expect(world.events[1]?.clauses).toEqual([
      { text: 'p99_ms > 500', value: 'p99_ms = 600', holds: true },
      { text: 'n >= 20', value: 'n = 20', holds: true },
    ])
    expect(world.last.evidence).toMatchObject([{ detector: 'policy', class: 'inferred' }])
  })

  test('an incident stays open as long as a trigger holds, whatever the health', () => {
    const world = new World()
    world.policy({ trigger: 'p99_ms > 500 && n >= 20', mode: 'observe' })
    const slow = instance('a', { window: { ...a.window, n: 20, p99Us: 600_000 } })
    for (let i = 0; i < 5; i++) world.step([slow, b, c], { afterMs: 5_000 })
    expect(world.said()).toEqual(['detected:detected', 'matched:matched', 'refused:matched'])
    world.step([a, b, c], { afterMs: 1_000 })
    world.step([a, b, c], { afterMs: 2_000 })
    expect(world.said()).toEqual(['recovered:recovered'])
  })

  test('without an agent there is nobody to command', () => {
    const world = new World()
    world.policy()
    world.step([a, b, c])
    world.step([crashed('a', { agent: null }), b, c], { afterMs: 1_000 })
    expect(world.last.summary).toContain('refused by guard agent: none')
  })

  test('expiry and verification times of the policy win over those of the guards', () => {
    const world = new World()
    world.policy({ expiry: '7s', verify: '11s' })
    crash(world)
    expect(world.commands[0]?.expires_at_ms).toBe(1_008_000)
    world.result('succeeded')
    const answer = world.step([crashed('a'), b, c])
    expect(answer.wakeAtMs).toBe(1_012_000)
  })

  test('at most so many commands at once: three crash, the second waits for the interval', () => {
    const world = new World()
    world.policy()
    const all = ['a', 'b', 'c']
    world.step(all.map((name) => instance(name)))
    world.step(
      all.map((name) => crashed(name)),
      { afterMs: 1_000 },
    )
    expect(world.commands.map(({ target }) => target.instance)).toEqual(['a'])
    expect(world.last.summary).toContain('refused by guard service_interval')
    world.step(
      all.map((name) => crashed(name)),
      { afterMs: 60_000 },
    )
    expect(world.commands.map(({ target }) => target.instance)).toEqual(['a', 'b'])
  })

  test('a sequence number rises per agent, over all its instances', () => {
    const world = new World()
    world.policy()
    world.guards(LOOSE)
    const one = a.agent
    const all = ['a', 'b'].map((name) => instance(name, { agent: one }))
    world.step([...all, c])
    const sick = ['a', 'b'].map((name) => crashed(name, { agent: one }))
    world.step([...sick, crashed('c')], { afterMs: 1_000 })
    expect(world.commands.map(({ target, seq }) => [target.agent, seq])).toEqual([
      ['agent-a', 1],
      ['agent-a', 2],
      ['agent-c', 1],
    ])
  })
})
