// The tasks of a cluster as DESIGN.md describes them, for the checker's own fold: what each reads,
// in which order, and where its journal and its snapshots are.
import { INPUT_TOPICS, type TopicKind } from '../../../src/contracts/topics.ts'
import type { CreateCore } from '../../../src/core/kernel/step.ts'
import { createFleetCore } from '../../../src/core/tasks/fleet-task.ts'
import { createServiceCore } from '../../../src/core/tasks/service-task.ts'

export interface Place {
  readonly topic: TopicKind
  readonly partition: number
}

export interface TaskShape {
  readonly name: string
  readonly partition: number
  readonly journal: TopicKind
  readonly images: readonly TopicKind[]
  readonly inputs: readonly Place[]
  readonly create: CreateCore
}

export const placeName = ({ topic, partition }: Place): string => `${topic}-${partition}`

export function tasksOf(partitions: number): readonly TaskShape[] {
  const numbers = Array.from({ length: partitions }, (_, partition) => partition)
  const fleet: TaskShape = {
    name: 'fleet',
    partition: 0,
    journal: 'fleet-journal',
    images: ['fleet-snapshots', 'fleet-checkpoints'],
    inputs: [
      { topic: 'policies', partition: 0 },
      { topic: 'operator', partition: 0 },
      ...numbers.map((partition) => ({ topic: 'observations' as const, partition })),
    ],
    create: createFleetCore,
  }
  const services = numbers.map((partition): TaskShape => {
    return {
      name: `s${partition}`,
      partition,
      journal: 'journal',
      images: ['snapshots', 'checkpoints'],
      inputs: INPUT_TOPICS.map((topic) => ({ topic, partition })),
      create: createServiceCore,
    }
  })
  return [...services, fleet]
}
