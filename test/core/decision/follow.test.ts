// What becomes of a command: results of every kind, an effect that shows or does not, a person
// after three attempts.
import { describe, expect, test } from 'vitest'
import { crash, crashed, figures, idOf, instance, LOOSE, restarted, World } from './world.ts'

const [a, b, c] = [instance('a'), instance('b'), instance('c')]

describe('results that are not a plain success', () => {
  const afterResult = (
    outcome: 'failed' | 'refused' | 'timed_out' | 'doubtful',
    more: object = {},
  ): World => {
    const world = new World()
    world.policy()
    crash(world)
    world.said()
    world.result(outcome, more)
    world.step([crashed('a'), b, c], { afterMs: 100 })
    return world
  }

  test('refused: no act; back to matched, then the cool-down, doubled, holds', () => {
    const world = afterResult('refused', { refusal: 'expired', detail: '3 ms ago' })
    expect(world.said()).toEqual(['ineffective:matched', 'refused:matched'])
    expect(world.events.at(-2)?.summary).toBe(
      'attempt 1 without effect: agent agent-a reports refused (expired): 3 ms ago',
    )
    expect(world.last.summary).toMatch(/refused by guard cooldown: 9 min 59 s left/)
    expect(world.commands).toHaveLength(1)
  })

  // A supervisor on the host was faster than our command three times in four hours: the command
  // was refused, the instance was well, and a person was called for "attempts without effect".
  test('refused because it had begun anew by itself: no attempt that counts, no person', () => {
    const world = new World()
    world.policy()
    world.guards({ ...LOOSE, ineffectiveMax: 3 })
    for (let life = 1; life <= 4; life++) {
      world.step([instance('a', { incarnation: life }), b, c])
      world.step([crashed('a', { incarnation: life }), b, c], { afterMs: 1_000 })
      expect(world.commands).toHaveLength(life)
      world.result('refused', { refusal: 'wrong_incarnation' })
      const again = instance('a', { incarnation: life + 1 })
      world.step([again, b, c], { afterMs: 100 })
      world.step([again, b, c], { afterMs: 2_000 })
      expect(world.last.summary).toBe(
        'shop/a has recovered after 2.1 s, after attempt 1 had been given up',
      )
    }
    expect(world.said()).not.toContain('escalated:escalated')
  })

  test('failed: told as acted and as ineffective', () => {
    expect(afterResult('failed').said()).toEqual([
      'acted:verifying',
      'ineffective:matched',
      'refused:matched',
    ])
  })

  test.each(['timed_out', 'doubtful'] as const)(
    '%s may have been done: watched, nothing is cut, nothing repeated',
    (outcome) => {
      const world = afterResult(outcome)
      expect(world.said()).toEqual(['acted:verifying'])
      const well = instance('a', { incarnation: 2 })
      expect(world.step([well, b, c], { afterMs: 1_000 }).cuts).toEqual([])
      world.step([well, b, c], { afterMs: 2_000 })
      expect(world.said()).toEqual(['effective:verifying', 'recovered:recovered'])
      expect(world.commands).toHaveLength(1)
    },
  )

  test('a late success after a doubtful answer counts from when it came', () => {
    const world = afterResult('doubtful')
    world.result('succeeded')
    const late = world.step([crashed('a'), b, c], { afterMs: 20_000 })
    expect(late.cuts).toHaveLength(1)
    world.step([crashed('a'), b, c], { afterMs: 29_999 })
    expect(world.said()).toEqual(['acted:verifying', 'acted:verifying'])
    world.step([crashed('a'), b, c], { afterMs: 1 })
    expect(world.said()[0]).toBe('ineffective:matched')
  })

  test('no answer until expiry and grace: told as unknown, watched, then ineffective', () => {
    const world = new World()
    world.policy()
    crash(world)
    world.said()
    world.step([crashed('a'), b, c], { afterMs: 64_999 })
    expect(world.said()).toEqual([])
    world.step([crashed('a'), b, c], { afterMs: 1 })
    expect(world.said()).toEqual(['acted:verifying'])
    expect(world.last).toMatchObject({ outcome: 'unknown' })
    expect(world.last.summary).toContain('it may have acted or not')
    world.step([crashed('a'), b, c], { afterMs: 30_000 })
    expect(world.said()).toEqual(['ineffective:matched', 'refused:matched'])
    expect(world.commands).toHaveLength(1)
  })

  test('no answer and well again as the same life: recovered, and nobody says by us', () => {
    const world = new World()
    world.policy()
    crash(world)
    world.step([a, b, c], { afterMs: 65_000 })
    world.step([a, b, c], { afterMs: 30_000 })
    expect(world.said().slice(-2)).toEqual(['acted:verifying', 'recovered:recovered'])
  })

  test('success told, but the same life looks well: not an effect until the time is over', () => {
    // The window is cut at the effect, so an erring instance that was in truth not restarted looks
    // well for as long as nothing new is counted. Only a new incarnation is an effect.
    const world = restarted()
    world.step([a, b, c], { afterMs: 100 })
    world.step([a, b, c], { afterMs: 29_000 })
    expect(world.said().at(-1)).toBe('acted:verifying')
    world.step([a, b, c], { afterMs: 1_000 })
    expect(world.said()[0]).toBe('ineffective:matched')
    expect(world.events.find(({ event }) => event === 'ineffective')?.summary).toContain(
      'no new incarnation',
    )
  })

  test('an answer sent twice, of another agent, epoch or command changes nothing', () => {
    const world = restarted()
    world.result('succeeded')
    world.result('failed')
    world.step([crashed('a'), b, c])
    expect(world.said().filter((line) => line.startsWith('acted'))).toHaveLength(1)
    const other = new World()
    other.policy()
    crash(other)
    other.said()
    other.result('succeeded', { agent: b.agent ?? undefined } as object)
    other.result('succeeded', { epoch: 2 })
    other.result('succeeded', { command_id: 'x' } as object)
    other.result('succeeded', { instance: idOf('zz') })
    other.step([crashed('a'), b, c])
    expect(other.said()).toEqual([])
  })
})

describe('an effect seen late', () => {
  // A worker that took over read two minutes in one step: the instance had been well for long, but
  // the verification was over at its first look, and a good restart counted as one without effect.
  test('well at the deadline: the dwell is waited out, then it is an effect', () => {
    const world = restarted()
    world.step([crashed('a'), b, c])
    const well = instance('a', { incarnation: 2 })
    expect(world.step([well, b, c], { afterMs: 120_000 }).wakeAtMs).toBe(world.nowMs + 2_000)
    expect(world.said().at(-1)).toBe('acted:verifying')
    world.step([well, b, c], { afterMs: 2_000 })
    expect(world.said()).toEqual(['effective:verifying', 'recovered:recovered'])
  })

  test('and when it is not well any more before the dwell is over, it is none', () => {
    const world = restarted()
    world.step([crashed('a'), b, c])
    world.step([instance('a', { incarnation: 2 }), b, c], { afterMs: 29_000 })
    world.step([instance('a', { incarnation: 2 }), b, c], { afterMs: 1_999 })
    world.step([crashed('a', { incarnation: 2 }), b, c], { afterMs: 1 })
    expect(world.said()).toContain('ineffective:matched')
  })

  // The agent restarted the instance and died before it could say so. For 95 s the new incarnation,
  // well all the time, was kept out of the traffic as one in our hand.
  test('no answer, but a new incarnation is well: not waited for until the command expires', () => {
    const world = new World()
    world.policy()
    crash(world)
    const well = instance('a', { incarnation: 2 })
    world.step([well, b, c], { afterMs: 1_000 })
    world.said()
    world.step([well, b, c], { afterMs: 4_999 })
    expect(world.said()).toEqual([])
    world.step([well, b, c], { afterMs: 1 })
    expect(world.said()).toEqual(['acted:verifying'])
    world.step([well, b, c], { afterMs: 2_000 })
    expect(world.said()).toEqual(['effective:verifying', 'recovered:recovered'])
    expect(world.last.summary).toBe(
      'shop/a has recovered after 8 s, by restart, attempt 1, which its agent did not confirm',
    )
  })
})

// A policy in observe mode whose trigger always holds made every restart of another policy look
// ineffective: after three good ones a person was called.
test('a policy that observes does not make the act of another one ineffective', () => {
  const world = new World()
  world.policy()
  world.policy({ mode: 'observe', trigger: 'n >= 0' }, 'watch')
  crash(world)
  world.result('succeeded')
  const well = instance('a', { incarnation: 2 })
  world.step([well, b, c], { afterMs: 1_000 })
  world.said()
  world.step([well, b, c], { afterMs: 2_000 })
  expect(world.said().slice(0, 2)).toEqual(['effective:verifying', 'recovered:recovered'])
})

test('the policy that ordered an act still wants it: no effect', () => {
  const world = new World()
  world.policy({ trigger: 'p99_ms > 100' })
  const slow = (incarnation: number): ReturnType<typeof instance> =>
    instance('a', { incarnation, window: figures(100, 0, 200_000) })
  world.step([slow(1), b, c])
  world.step([slow(1), b, c], { afterMs: 2_000 })
  world.result('succeeded')
  world.step([slow(2), b, c], { afterMs: 1_000 })
  world.step([slow(2), b, c], { afterMs: 30_000 })
  expect(world.said()).toContain('ineffective:matched')
})

describe('attempts', () => {
  test('three without effect: a person; nothing more is done until it is well', () => {
    const world = new World()
    world.policy()
    world.guards({ ...LOOSE, ineffectiveMax: 3 })
    crash(world)
    for (let attempt = 1; attempt <= 3; attempt++) {
      expect(world.commands).toHaveLength(attempt)
      world.result('succeeded')
      world.step([crashed('a', { incarnation: attempt + 1 }), b, c], { afterMs: 1_000 })
      world.step([crashed('a', { incarnation: attempt + 1 }), b, c], { afterMs: 30_000 })
    }
    expect(world.said().slice(-2)).toEqual(['ineffective:matched', 'escalated:escalated'])
    expect(world.last.summary).toBe(
      '3 attempts without effect on shop/a in 4 h: a person has to look',
    )
    expect(world.commands.map(({ attempt, seq }) => [attempt, seq])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ])
    expect(new Set(world.commands.map(({ command_id }) => command_id)).size).toBe(3)
    world.step([crashed('a', { incarnation: 4 }), b, c], { afterMs: 600_000 })
    expect(world.commands).toHaveLength(3)
    world.step([instance('a', { incarnation: 4 }), b, c], { afterMs: 1_000 })
    world.step([instance('a', { incarnation: 4 }), b, c], { afterMs: 2_000 })
    expect(world.last.event).toBe('recovered')

    // The next fault of the same instance inside four hours goes to a person at once.
    world.step([crashed('a', { incarnation: 4 }), b, c], { afterMs: 1_000 })
    expect(world.said().slice(-4)).toEqual([
      'detected:detected',
      'matched:matched',
      'refused:matched',
      'escalated:escalated',
    ])
    expect(world.commands).toHaveLength(3)
  })

  test('the effect needs a probe or five successes after the cut, and the whole dwell', () => {
    const world = restarted()
    const silent = (good: number): ReturnType<typeof instance> =>
      instance('a', { incarnation: 2, probe: null, window: figures(good) })
    world.step([silent(4), b, c], { afterMs: 10 })
    world.step([silent(4), b, c], { afterMs: 5_000 })
    expect(world.said().at(-1)).toBe('acted:verifying')
    world.step([silent(5), b, c], { afterMs: 10 })
    world.step([crashed('a', { incarnation: 2 }), b, c], { afterMs: 1_900 })
    world.step([silent(5), b, c], { afterMs: 10 })
    world.step([silent(5), b, c], { afterMs: 1_999 })
    expect(world.said()).toEqual([])
    world.step([silent(5), b, c], { afterMs: 1 })
    expect(world.said()).toEqual(['effective:verifying', 'recovered:recovered'])
  })
})
