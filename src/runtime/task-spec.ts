// What each task is, whoever runs it: P service tasks, numbered by their partition, and behind them
// the one fleet task (DESIGN.md section 5, two kinds of task).
import { INPUT_TOPICS, topicSpec } from '../contracts/topics.ts'
import { FLEET_TASK, serviceTaskId } from './journal.ts'
import type { TaskSpec } from './replay.ts'

export function serviceTask(partition: number): TaskSpec {
  return {
    task: serviceTaskId(partition),
    partition,
    inputs: INPUT_TOPICS.map((topic) => ({ topic, partition })),
    journal: 'journal',
  }
}

/** Policies and what operators say reach every partition: the fleet task reads the first. */
export function fleetTask(partitions: number): TaskSpec {
  return {
    task: FLEET_TASK,
    partition: 0,
    inputs: [
      { topic: 'policies', partition: 0 },
      { topic: 'operator', partition: 0 },
      ...Array.from({ length: partitions }, (_, partition) => ({
        topic: 'observations' as const,
        partition,
      })),
    ],
    journal: 'fleet-journal',
  }
}

/** The task of a number in the group: the fleet task's is P. */
export function taskOf(number: number, partitions: number): TaskSpec {
  return number < partitions ? serviceTask(number) : fleetTask(partitions)
}

/** All tasks of a cluster, by number. */
export function allTasks(partitions: number): readonly TaskSpec[] {
  return Array.from({ length: partitions + 1 }, (_, number) => taskOf(number, partitions))
}

/** Reads more than its own partition number: no reader can be shared with other tasks. */
export function isFleet(spec: TaskSpec): boolean {
  return topicSpec(spec.journal).partitions === 1
}
