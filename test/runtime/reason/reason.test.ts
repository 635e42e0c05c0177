// The reason of a decision of the real core: a few records of thousands, without any one of which
// it would not have been made, checked here by leaving each of them out.
import { beforeAll, describe, expect, test } from 'vitest'
import type { Serde } from '../../../src/adapters/serde/serde.ts'
import type { IncidentEvent } from '../../../src/contracts/records.ts'
import { createServiceCore } from '../../../src/core/tasks/service-task.ts'
import { type DecisionName, decisionOf, isAmong } from '../../../src/runtime/reason/decision.ts'
import { reasonOf } from '../../../src/runtime/reason/reason.ts'
import { Recorder, type Recording } from '../../../src/runtime/reason/recording.ts'
import { parseScript } from '../../../src/roles/scenario/script.ts'
import { World } from '../../scenario/world.ts'
import { testSerde } from '../../support/core-driver.ts'

const BOUNDS = { spanMs: 65_000, recordsMax: 100_000 }

let serde: Serde
beforeAll(async () => {
  serde = await testSerde()
})

interface Played {
  readonly recording: Recording
  readonly events: readonly IncidentEvent[]
}

function play(fault: string, bounds = BOUNDS): Played {
  const recorder = new Recorder(createServiceCore, bounds)
  const world = new World(serde, { core: recorder.createCore, behaviour: 3 })
  const script = parseScript(
    `# a fault among others that are well\nmust-act on shop-2\nservice shop with 5 instances\n` +
      `service cart with 2 instances\npolicy restart-sick: health == "unhealthy"\n` +
      `at 80s shop-2 ${fault}\nend at 95s`,
  )
  for (const { atMs, act } of script.lines) {
    if (atMs === 0) act(world)
    else world.in(atMs, () => act(world))
  }
  world.runUntil(script.endMs)
  const { recording } = recorder
  if (recording === null) throw new Error('nothing was recorded')
  return { recording, events: world.driver.bodies('incidents') }
}

function nameOf({ incident_id: incidentId, seq, step_seq: stepSeq }: IncidentEvent): DecisionName {
  return { incidentId, seq, stepSeq }
}

function eventOf({ events }: Played, kind: IncidentEvent['event']): IncidentEvent {
  const found = events.find(({ event }) => event === kind)
  if (found === undefined) throw new Error(`nobody said ${kind}`)
  return found
}

/** Independent of the search: whether the decision is made from these records. */
function isMadeFrom(recording: Recording, name: DecisionName, offsets: ReadonlySet<string>) {
  const rerun = (keep: (key: string) => boolean): ((said: string | null) => string | boolean) => {
    const { createCore, context, image, behaviour, steps, records } = recording
    const core = createCore({ ...context, behaviour }, image)
    return (said) => {
      let signature = ''
      let isMade = false
      for (const { step, slices } of steps) {
        if (step.seq > name.stepSeq) break
        const fewer = slices.map(({ slice, first, end }) => ({
          ...slice,
          visit: (visitor: (view: (typeof records)[number]['view']) => void) => {
            for (const { topic, view } of records.slice(first, end)) {
              if (keep(`${topic}@${view.offset}`)) visitor(view)
            }
          },
        }))
        const { outputs } = core.step({ ...step, slices: fewer })
        signature = decisionOf(outputs, name)?.signature ?? signature
        if (said !== null && isAmong(outputs, said)) isMade = true
      }
      return said === null ? signature : isMade
    }
  }
  const signature = String(rerun(() => true)(null))
  return rerun((key) => offsets.has(key))(signature)
}

describe.each([
  ['crashes', 'commanded', 8],
  ['fails 60 % of its requests', 'commanded', 10],
  ['answers after 3s', 'commanded', 12],
  ['answers after 3s', 'refused', 12],
] as const)('of shop-2, which %s: %s', (fault, kind, most) => {
  test('a few records are enough, and each of them is needed', async () => {
    const played = play(fault)
    const event = eventOf(played, kind)
    const name = nameOf(event)
    const reason = await reasonOf(played.recording, name)
    expect(reason.isMinimal).toBe(true)
    expect(reason.among).toBeGreaterThan(400)
    expect(reason.records.length).toBeGreaterThan(0)
    expect(reason.records.length).toBeLessThanOrEqual(most)
    const keys = reason.records.map(({ topic, view }) => `${topic}@${view.offset}`)
    expect(isMadeFrom(played.recording, name, new Set(keys))).toBe(true)
    for (const left of keys) {
      const others = new Set(keys.filter((key) => key !== left))
      expect([left, isMadeFrom(played.recording, name, others)]).toEqual([left, false])
    }
  }, 30_000)
})

test('a recording goes back as far as it was asked to, in time or in records', () => {
  const { recording } = play('crashes')
  const [first] = recording.steps
  const last = recording.steps.at(-1)
  const spanMs = (last?.step.nowMs ?? 0) - (first?.step.nowMs ?? 0)
  expect(spanMs).toBeGreaterThanOrEqual(BOUNDS.spanMs)
  expect(spanMs).toBeLessThan(2 * BOUNDS.spanMs + 2_000)
  const few = play('crashes', { spanMs: 1e9, recordsMax: 100 }).recording
  expect(few.records.length).toBeGreaterThanOrEqual(100)
  expect(few.records.length).toBeLessThan(300)
})

test('a step that is not there, or does not say it, is said so', async () => {
  const played = play('crashes')
  const name = nameOf(eventOf(played, 'commanded'))
  const early = { ...name, stepSeq: 1e9 }
  await expect(reasonOf(played.recording, early)).rejects.toMatchObject({ code: 'HS_NOT_FOUND' })
  const other = { ...name, seq: name.seq + 40 }
  await expect(reasonOf(played.recording, other)).rejects.toMatchObject({ code: 'HS_DIVERGED' })
})

test('a search that is ended says that more could be left out', async () => {
  const played = play('hangs')
  const name = nameOf(eventOf(played, 'commanded'))
  let left = 2
  const reason = await reasonOf(played.recording, name, { isOver: () => left-- <= 0 })
  expect(reason.isMinimal).toBe(false)
  expect(reason.records.length).toBeGreaterThan(0)
})
