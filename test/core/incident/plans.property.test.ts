// Incidents with plans in random worlds, against what S2-46 says of them: only listed transitions,
// every one ends in one word or is open, nothing of a plan outlives its incident, commands are
// ordered once each and never past a person, and a restore between any two steps changes nothing.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { IncidentState, ResultOutcome } from '../../../src/contracts/records.ts'
import { loadHealing, saveHealing } from '../../../src/core/decision/image.ts'
import type { InstanceFacts } from '../../../src/core/kernel/facts.ts'
import { ImageReader, ImageWriter } from '../../../src/core/kernel/image.ts'
import { noteInFlight } from '../../../src/core/plan/marks.ts'
import { PlanWorld } from '../decision/plan-world.ts'
import { CONTEXT, crashed, erring, instance } from '../decision/world.ts'

/** Written down again from S2-46, not taken from the table. */
const ALLOWED: ReadonlySet<string> = new Set(
  (
    'detected>matched detected>escalated detected>recovered detected>failed matched>isolating ' +
    'matched>repairing matched>escalated matched>recovered matched>failed isolating>repairing ' +
    'isolating>verifying isolating>matched isolating>escalated isolating>failed ' +
    'repairing>verifying repairing>matched repairing>escalated repairing>failed ' +
    'repairing>recovered verifying>matched verifying>escalated verifying>recovered ' +
    'verifying>failed escalated>matched escalated>recovered escalated>failed'
  ).split(' '),
)
const ENDS: readonly IncidentState[] = ['recovered', 'failed']

const LADDERS = [
  [{ action: 'restart_instance' }, { action: 'restore' }],
  [{ steps: [{ action: 'drain', args: { timeout: '5s' } }, { action: 'restart_instance' }] }],
  [
    { parallel: [{ action: 'deregister' }, { action: 'restart_instance' }] },
    { action: 'escalate' },
  ],
  [
    {
      steps: [{ action: 'isolate' }, { action: 'diagnose', onFailure: 'next' }, { action: 'none' }],
    },
  ],
  [{ action: 'restart_instance', rolling: true }],
  [
    {
      action: 'set_weight',
      args: { version: 'v2', percent: 30, others: 70 },
      hold: '3s',
      gate: 'n >= 0.0',
    },
  ],
  [{ action: 'reschedule' }, { action: 'migrate_instance' }],
] as const

const outcomes: readonly ResultOutcome[] = [
  'succeeded',
  'succeeded',
  'succeeded',
  'failed',
  'refused',
  'timed_out',
  'doubtful',
]
const moment = fc.record({
  afterMs: fc.constantFrom(1, 100, 2_000, 2_000, 6_000, 31_000, 70_000),
  a: fc.constantFrom('well', 'well', 'dead', 'dead', 'erring', 'anew', 'anew', 'gone', 'absent'),
  b: fc.constantFrom('well', 'well', 'well', 'erring'),
  answers: fc.array(fc.record({ at: fc.nat(3), outcome: fc.constantFrom(...outcomes) }), {
    maxLength: 2,
  }),
  inFlight: fc.constantFrom(null, 0, 2),
  behind: fc.boolean(),
  word: fc.constantFrom(null, null, null, null, 'hold', 'new policy', 'no policy'),
})
type Moment = typeof moment extends fc.Arbitrary<infer M> ? M : never

function factsOf(world: { life: number }, { a, b }: Moment): InstanceFacts[] {
  if (a === 'anew') world.life += 1
  const some = { incarnation: world.life }
  const one = {
    well: instance('a', some),
    anew: instance('a', some),
    dead: crashed('a', some),
    erring: erring('a', some),
    gone: instance('a', { ...some, lifecycle: 'gone' }),
    absent: null,
  }[a]
  const two = b === 'well' ? instance('b', { appVersion: 'v2' }) : erring('b')
  return [...(one === null ? [] : [one]), two, instance('c')]
}

/** Everything a run says; `forgets`: the state is thrown away and read back after every step. */
function run(
  ladder: (typeof LADDERS)[number],
  moments: readonly Moment[],
  forgets: boolean,
): PlanWorld {
  const world = new PlanWorld()
  world.ladder(ladder)
  world.step([instance('a'), instance('b'), instance('c')])
  const lives = { life: 1 }
  for (const it of moments) {
    for (const { at, outcome } of it.answers) {
      const command = world.commands.at(-1 - at)
      if (command !== undefined) world.answer(command.action, outcome)
    }
    if (it.inFlight !== null) noteInFlight(world.state.marks, 'shop/a', it.inFlight)
    if (it.word === 'hold') world.operator({ expires_at_ms: world.nowMs + 20_000 })
    if (it.word === 'new policy') world.ladder(ladder, { verify: '20s' })
    if (it.word === 'no policy') world.ladder(ladder, { trigger: 'false && self_evident' })
    world.step(factsOf(lives, it), { afterMs: it.afterMs, behind: it.behind })
    if (!forgets) continue
    const to = new ImageWriter()
    saveHealing(world.state, to)
    const from = new ImageReader(new Uint8Array(Buffer.concat([...to.pieces()])))
    Object.assign(world, { state: loadHealing({ ...CONTEXT, behaviour: 3 }, from) })
    from.end()
  }
  return world
}

test('S2-46 holds of all plans, and a restore between any two steps changes nothing', () => {
  const numRuns = Number(process.env['HEALSTREAM_TEST_RUNS'] ?? 100)
  const ladder = fc.constantFrom(...LADDERS)
  fc.assert(
    fc.property(ladder, fc.array(moment, { maxLength: 25 }), (plan, moments) => {
      const world = run(plan, moments, false)
      const again = run(plan, moments, true)
      expect(again.events).toEqual(world.events)
      expect(again.commands).toEqual(world.commands)

      const ids = new Set(world.events.map(({ incident_id }) => incident_id))
      for (const id of [...ids].filter((one) => one !== 'ops')) {
        const own = world.events.filter(({ incident_id }) => incident_id === id)
        expect(own.map(({ seq }) => seq)).toEqual(own.map((_, i) => i + 1))
        const states = own.map(({ state }) => state)
        const moves = states.flatMap((state, i) => {
          const before = states[i - 1]
          return before === undefined || before === state ? [] : [`${before}>${state}`]
        })
        expect(moves.filter((move) => !ALLOWED.has(move))).toEqual([])
        const end = states.findIndex((state) => ENDS.includes(state))
        expect(end === -1 || end === states.length - 1).toBe(true)
        const last = own.at(-1)
        if (last !== undefined && ENDS.includes(last.state)) {
          const wasEscalated = states.includes('escalated')
          const healed = wasEscalated ? 'healed_after_escalation' : 'healed'
          expect(last.facts['outcome']).toBe(last.state === 'failed' ? 'left' : healed)
        }
        // Each command is told in the step that orders it, and none while a person has to look.
        const told = own.filter(({ event }) => event === 'commanded').map((one) => one.command_id)
        const ordered = world.commands.filter(({ incident_id }) => incident_id === id)
        expect(told).toEqual(ordered.map(({ command_id }) => command_id))
        expect(own.some(({ event, state }) => event === 'commanded' && state === 'escalated')).toBe(
          false,
        )
      }
      expect(new Set(world.commands.map(({ command_id }) => command_id)).size).toBe(
        world.commands.length,
      )
      // Nothing of a plan outlives its incident.
      const open = new Set([...world.state.incidents.values()].map((one) => one.id))
      for (const { owner } of [...world.state.marks.values()].flat())
        expect(open.has(owner)).toBe(true)
      for (const one of world.state.incidents.values()) {
        const isUnder = ['isolating', 'repairing', 'verifying'].includes(one.state)
        expect(one.run !== null).toBe(isUnder)
      }
    }),
    { numRuns },
  )
})
