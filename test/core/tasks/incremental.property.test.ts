// A step touches only what is dirty or due, and takes the deltas of known writers the short way.
// Over hostile streams the outputs, the times to wake and the state are, byte for byte, those of a
// core that looks at every instance at every step and takes every delta the full way.
import { beforeAll, expect, test, vi } from 'vitest'
import type { Serde } from '../../../src/adapters/serde/serde.ts'
import { Channels } from '../../../src/core/admit/channel.ts'
import {
  BEHAVIOUR_FIRST,
  BEHAVIOUR_JUDGEMENT,
  BEHAVIOUR_WINDOWS,
} from '../../../src/core/kernel/behaviour.ts'
import { canonical, hex } from '../../../src/core/kernel/canonical.ts'
import type { Outcome } from '../../../src/core/kernel/step.ts'
import { saveService } from '../../../src/core/tasks/service-image.ts'
import { ServiceState } from '../../../src/core/tasks/service-state.ts'
import { runStep } from '../../../src/core/tasks/service-task.ts'
import { sha256, testContext, testSerde } from '../../support/core-driver.ts'
import { HostileStream } from '../../support/hostile-stream.ts'

const STEPS = 250
const SEEDS = 4 * Math.max(1, Math.ceil(Number(process.env['HEALSTREAM_TEST_RUNS'] ?? 1) / 100))

let serde: Serde
beforeAll(async () => {
  serde = await testSerde()
})

function bytesOf(outcome: Outcome): string {
  return hex(sha256(canonical(outcome)))
}

function imageOf(state: ServiceState): string {
  return saveService(state)
    .map((piece) => hex(sha256(piece)))
    .join(' ')
}

test.each([BEHAVIOUR_FIRST, BEHAVIOUR_WINDOWS, BEHAVIOUR_JUDGEMENT])(
  'behaviour %i: who is not touched has nothing to say',
  (behaviour) => {
    let said = 0
    let hits = 0
    for (let seed = 1; seed <= SEEDS; seed++) {
      const stream = new HostileStream(serde, 100 * behaviour + seed)
      const lazy = new ServiceState(testContext(serde, { behaviour }))
      const eager = new ServiceState(testContext(serde, { behaviour }))
      let last: Outcome | null = null
      for (let i = 0; i < STEPS; i++) {
        const step = stream.next(last)
        const short = vi.spyOn(Channels.prototype, 'find')
        last = runStep(lazy, step)
        hits += short.mock.results.filter(({ value }) => value !== null).length
        short.mockReturnValue(null)
        eager.touchAll()
        const wanted = bytesOf(runStep(eager, step))
        short.mockRestore()
        expect(bytesOf(last), `seed ${seed}, step ${i}`).toBe(wanted)
        said += last.outputs.filter(({ topic }) => topic === 'incidents').length
      }
      // Who was looked at less often may hold a time, too early, at which it was to be looked at.
      const end = stream.next(last)
      for (const state of [lazy, eager]) {
        state.touchAll()
        runStep(state, end)
      }
      expect(imageOf(lazy)).toBe(imageOf(eager))
    }
    expect(said).toBeGreaterThan(SEEDS * 20)
    expect(hits).toBeGreaterThan(SEEDS * 100)
  },
)
