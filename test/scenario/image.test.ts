// After every step of every script the core is thrown away and made anew from its image: whatever
// an image leaves out shows, because the script goes on as if nothing had happened.
import { beforeAll, expect, test } from 'vitest'
import type { Serde } from '../../src/adapters/serde/serde.ts'
import { BEHAVIOUR_FIRST, BEHAVIOUR_LATEST } from '../../src/core/kernel/behaviour.ts'
import type { CoreContext, TaskCore } from '../../src/core/kernel/step.ts'
import { createServiceCore } from '../../src/core/tasks/service-task.ts'
import { testSerde } from '../support/core-driver.ts'
import { imageOf } from '../support/image.ts'
import { readScript, run, scripts } from './scripts.ts'

let serde: Serde
beforeAll(async () => {
  serde = await testSerde()
})

/** A core that does not outlive a step. */
function forgetful(context: CoreContext, image: Uint8Array | null): TaskCore {
  let core = createServiceCore(context, image)
  return {
    step: (step) => {
      const outcome = core.step(step)
      const image = imageOf(core)
      core = createServiceCore(context, image)
      if (step.seq % 10 === 0) expect(imageOf(core)).toEqual(image)
      return outcome
    },
    image: () => core.image(),
    setBehaviour: (behaviour) => core.setBehaviour(behaviour),
  }
}

test.each(scripts)('%s goes on from any image as it would have', (name) => {
  const script = readScript(name)
  for (const behaviour of new Set([BEHAVIOUR_FIRST, BEHAVIOUR_LATEST])) {
    const { driver } = run(script, serde, { behaviour })
    const again = run(script, serde, { behaviour, core: forgetful }).driver
    expect(again.digest()).toBe(driver.digest())
    expect(again.last.wakeAtMs).toBe(driver.last.wakeAtMs)
    expect(again.steps).toBe(driver.steps)
    expect(again.written).toEqual(driver.written)
  }
})
