// An image carries everything that can change a later output: at random steps of random streams a
// second core is made from the image of the first, and goes on as the first one did, byte for byte.
// That the streams would show an omission is shown by leaving out one thing after another.
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Serde } from '../../../src/adapters/serde/serde.ts'
import { canonical, hex } from '../../../src/core/kernel/canonical.ts'
import type { CoreContext, Outcome, Step, TaskCore } from '../../../src/core/kernel/step.ts'
import { loadService, saveService } from '../../../src/core/tasks/service-image.ts'
import type { ServiceState } from '../../../src/core/tasks/service-state.ts'
import type { Subject } from '../../../src/core/tasks/subject.ts'
import { createServiceCore } from '../../../src/core/tasks/service-task.ts'
import { CoreDriver, testContext, testSerde } from '../../support/core-driver.ts'
import { imageOf, joined } from '../../support/image.ts'
import { Stream } from '../../support/stream.ts'

const STEPS = 150
const SEEDS = [1, 2, 3, 4, 5, 6]
const PLACES = [20, 33, 46, 59, 72, 85, 98, 111, 124]

let serde: Serde
let context: CoreContext
beforeAll(async () => {
  serde = await testSerde()
  context = testContext(serde)
})

/** A run as it was: what went in, what came out, and the state after each step. */
interface Run {
  readonly steps: readonly Step[]
  readonly outcomes: readonly string[]
  readonly images: readonly Uint8Array[]
}

const told = (outcome: Outcome): string => hex(canonical(outcome))

function record(seed: number, behaviour: number = seed % 2 === 0 ? 1 : 2): Run {
  const steps: Step[] = []
  const outcomes: string[] = []
  const images: Uint8Array[] = []
  const recording = (at: CoreContext, image: Uint8Array | null): TaskCore => {
    const core = createServiceCore(at, image)
    const step = (step: Step): Outcome => {
      const outcome = core.step(step)
      steps.push(step)
      outcomes.push(told(outcome))
      images.push(imageOf(core))
      return outcome
    }
    return { ...core, step }
  }
  const driver = new CoreDriver(serde, { core: recording, behaviour })
  const stream = new Stream(driver, seed)
  for (let i = 0; i < STEPS; i++) {
    stream.next()
    driver.step({ behind: i % 41 === 40 })
  }
  return { steps, outcomes, images }
}

/** A step after `at` comes out otherwise than in the run. */
function departs(run: Run, at: number, image: Uint8Array): boolean {
  const core = createServiceCore(context, image)
  return run.steps.some((step, i) => i > at && told(core.step(step)) !== run.outcomes[i])
}

test('a core made from an image goes on as the one it is of', { timeout: 120_000 }, () => {
  fc.assert(
    fc.property(fc.integer(), fc.nat(STEPS - 2), (seed, at) => {
      const run = record(seed)
      const core = createServiceCore(context, run.images[at] ?? null)
      expect(imageOf(core)).toEqual(run.images[at])
      for (let i = at + 1; i < STEPS; i++) {
        const step = run.steps[i]
        if (step === undefined) throw new Error('a step of the run')
        expect(told(core.step(step)), `outcome of step ${step.seq}`).toBe(run.outcomes[i])
        if (i % 10 === 9) expect(imageOf(core)).toEqual(run.images[i])
      }
    }),
    { numRuns: 6 },
  )
})

/** What an image might have left out; each must show in the outputs of some stream. */
const OMISSIONS: Readonly<Record<string, (state: ServiceState) => void>> = {
  documents: ({ healing }) => healing.documents.held.clear(),
  holds: ({ healing }) => healing.holds.clear(),
  brakes: ({ healing }) => healing.history.brakes.clear(),
  'last action on a service': ({ healing }) => healing.history.serviceLastMs.clear(),
  'attempts without effect': ({ healing }) => healing.history.ineffectiveMs.clear(),
  'numbers of commands': ({ healing }) => healing.history.seqs.clear(),
  streaks: ({ healing }) => healing.streaks.clear(),
  'incidents that are open': ({ healing }) => healing.incidents.clear(),
  'evidence told': ({ healing }) => healing.incidents.forEach(({ told }) => told.clear()),
  'matches told': ({ healing }) => healing.incidents.forEach(({ matched }) => matched.clear()),
  'refusals told': ({ healing }) => healing.incidents.forEach(({ refused }) => refused.clear()),
  'who has been well': ({ healing }) => healing.wellOnce.clear(),
  'the tip of the chain': ({ healing }) => void (healing.chain.tip = new Uint8Array(32)),
  'events of the task': ({ healing }) => void (healing.chain.opsSeq = 0),
  'runs of failures': each(({ vital }) => void (vital.failures = null)),
  probes: each(({ vital }) => void (vital.probe = null)),
  refusals: each(({ vital }) => void (vital.refused = null)),
  exits: each(({ vital }) => void (vital.exited = null)),
  'findings that stand': each(({ vital }) => vital.findings.clear()),
  'the last count': each(({ vital }) => void (vital.lastCountedMs = 0)),
  'the last answer': each(({ vital }) => void (vital.answeredMs = 0)),
  'the last delta': each(({ vital }) => void (vital.deltaPlace = null)),
  'when it was heard': each(({ vital }) => void (vital.heardAtMs = 0)),
  'promised beats': each(({ vital }) => void vital.periodsMs.fill(0)),
  calm: each(({ vital }) => void (vital.calmSinceMs = null)),
  'since when': each(({ vital }) => void (vital.healthSinceMs = 0)),
  flips: each(({ vital }) => void (vital.flipsMs.length = 0)),
  'having been well': each(({ vital }) => void (vital.wasWell = null)),
  'what time alone changes': each((subject) => void (subject.nextMs = Number.POSITIVE_INFINITY)),
  'versions of entries': each(({ entry }) => void (entry.recordVersion = 0)),
  leases: each(({ entry }) => void (entry.leaseUntilMs = null)),
  'the pulse of the fleet': ({ healing }) => void (healing.fleet.pulse = null),
  'records of the fleet read': ({ healing }) => void (healing.fleet.seq = 0),
  'the behaviour': ({ healing }) => void (healing.behaviour = 3 - healing.behaviour),
  'agents of entries': each(({ entry }) => void (entry.agent = null)),
}

function each(change: (subject: Subject) => void): (state: ServiceState) => void {
  return (state) => {
    for (const group of state.services()) group.ordered().forEach(change)
  }
}

describe('an omission shows', () => {
  const runs = new Map<number, Run>()
  const runOf = (seed: number): Run => {
    const run = runs.get(seed) ?? record(seed)
    runs.set(seed, run)
    return run
  }

  test.each(Object.keys(OMISSIONS))('%s', { timeout: 120_000 }, (name) => {
    const shows = (seed: number, at: number): boolean => {
      const run = runOf(seed)
      const state = loadService(context, run.images[at] ?? new Uint8Array(0))
      OMISSIONS[name]?.(state)
      const image = joined(saveService(state))
      return Buffer.compare(image, run.images[at] ?? image) !== 0 && departs(run, at, image)
    }
    const places = SEEDS.flatMap((seed) => PLACES.map((at) => [seed, at]))
    expect(places.some(([seed = 0, at = 0]) => shows(seed, at))).toBe(true)
  })
})

test('what is no image of this task is refused', () => {
  const run = record(3)
  const image = run.images.at(-1) ?? new Uint8Array(0)
  const refused = (bytes: Uint8Array, at: CoreContext = context): string => {
    try {
      createServiceCore(at, bytes)
    } catch (error) {
      return error instanceof Error ? `${error.name}: ${error.message}` : 'no error'
    }
    return 'taken'
  }
  expect(refused(image)).toBe('taken')
  expect(refused(image, { ...context, taskId: 's1' })).toMatch(/^AssertionError: the image is of /)
  expect(refused(image, { ...context, clusterId: 'b' })).toMatch(/^AssertionError: the image is of/)
  expect(refused(new Uint8Array([1, ...image.slice(1)]))).toMatch('AssertionError: the image has')
  expect(refused(new Uint8Array([...image, 0]))).toBe(
    'AssertionError: 1 bytes are left at the end of the image',
  )
  for (let size = 0; size < image.length; size += 97) {
    expect(refused(image.subarray(0, size)), `${size} bytes`).toMatch(/^AssertionError: /)
  }
})
