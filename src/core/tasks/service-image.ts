// The image of a service task: which form, whose it is, then the state stage by stage.
import { assert, AssertionError } from '../kernel/assert.ts'
import { ImageReader, ImageWriter } from '../kernel/image.ts'
import type { CoreContext } from '../kernel/step.ts'
import { ServiceState } from './service-state.ts'

/** Form of the image; another one is not read. */
const FORMAT = 2

export function saveService(state: ServiceState): readonly Uint8Array[] {
  const to = new ImageWriter()
  const { clusterId, taskId, partition, partitionCount } = state.context
  to.int(FORMAT).text(clusterId).text(taskId).int(partition).int(partitionCount)
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
  const format = from.int()
  assert(format === FORMAT, `the image has form ${format}, this build reads form ${FORMAT}`)
  const { clusterId, taskId, partition, partitionCount } = context
  const whose = [from.text(), from.text(), from.int(), from.int()].join(' ')
  const wanted = [clusterId, taskId, partition, partitionCount].join(' ')
  assert(whose === wanted, `the image is of ${whose}, not of ${wanted}`)
}
