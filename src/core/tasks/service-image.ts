// The image of a service task: which form, whose it is, then the state stage by stage.
import { assert, AssertionError } from '../kernel/assert.ts'
import { BEHAVIOUR_JUDGEMENT } from '../kernel/behaviour.ts'
import { FORM_FIRST, FORM_JUDGEMENT, ImageReader, ImageWriter } from '../kernel/image.ts'
import type { CoreContext } from '../kernel/step.ts'
import { ServiceState } from './service-state.ts'

export function saveService(state: ServiceState): readonly Uint8Array[] {
  const isFirst = state.healing.behaviour < BEHAVIOUR_JUDGEMENT
  const to = new ImageWriter(isFirst ? FORM_FIRST : FORM_JUDGEMENT)
  const { clusterId, taskId, partition, partitionCount } = state.context
  to.int(to.form).text(clusterId).text(taskId).int(partition).int(partitionCount)
  state.save(to)
  return to.pieces()
}

/** Errors: AssertionError for what is no image, or one of another task or form. */
export function loadService(context: CoreContext, image: Uint8Array): ServiceState {
  const from = new ImageReader(image)
  try {
    checkHead(context, from)
    const state = ServiceState.load(context, from)
    from.end()
    return state
  } catch (error) {
    if (error instanceof AssertionError) throw error
    throw new AssertionError(`this is no image of ${context.taskId}: ${String(error)}`)
  }
}

function checkHead(context: CoreContext, from: ImageReader): void {
  from.form = from.int()
  const known = `${FORM_FIRST} to ${FORM_JUDGEMENT}`
  const isKnown = from.form >= FORM_FIRST && from.form <= FORM_JUDGEMENT
  assert(isKnown, `the image has form ${from.form}, this build reads forms ${known}`)
  const { clusterId, taskId, partition, partitionCount } = context
  const whose = [from.text(), from.text(), from.int(), from.int()].join(' ')
  const wanted = [clusterId, taskId, partition, partitionCount].join(' ')
  assert(whose === wanted, `the image is of ${whose}, not of ${wanted}`)
}
