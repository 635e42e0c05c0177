// The tasks of a cluster as the checker watches them.
import { INPUT_TOPICS } from '../../contracts/topics.ts'
import { createFleetCore } from '../../core/tasks/fleet-task.ts'
import { createServiceCore } from '../../core/tasks/service-task.ts'
import type { CheckedTask } from './checker.ts'

/** As DESIGN.md section 5 has them: a service task for each partition, and one for the fleet. */
export function checkedTasks(partitions: number): readonly CheckedTask[] {
  const all = Array.from({ length: partitions }, (_, partition) => partition)
  const services = all.map((partition): CheckedTask => {
    return {
      task: `s${partition}`,
      partition,
      journal: 'journal',
      images: ['snapshots', 'checkpoints'],
      inputs: INPUT_TOPICS.map((topic) => ({ topic, partition })),
      createCore: createServiceCore,
    }
  })
  const people = ['policies', 'operator'] as const
  const fleet: CheckedTask = {
    task: 'fleet',
    partition: 0,
    journal: 'fleet-journal',
    images: ['fleet-snapshots', 'fleet-checkpoints'],
    inputs: [
      ...people.map((topic) => ({ topic, partition: 0 })),
      ...all.map((partition) => ({ topic: 'observations', partition }) as const),
    ],
    createCore: createFleetCore,
  }
  return [...services, fleet]
}
