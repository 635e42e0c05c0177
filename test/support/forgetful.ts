// A core that does not outlive a step: after each one it is thrown away and made anew from its
// image. Whatever an image leaves out shows, because a run goes on as if nothing had happened.
import type { CoreContext, TaskCore } from '../../src/core/kernel/step.ts'
import { createServiceCore } from '../../src/core/tasks/service-task.ts'
import { imageOf } from './image.ts'

export function forgetfulCore(context: CoreContext, image: Uint8Array | null): TaskCore {
  let core = createServiceCore(context, image)
  return {
    step: (step) => {
      const outcome = core.step(step)
      core = createServiceCore(context, imageOf(core))
      return outcome
    },
    image: () => core.image(),
    setBehaviour: (behaviour) => core.setBehaviour(behaviour),
  }
}
