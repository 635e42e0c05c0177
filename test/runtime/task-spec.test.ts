// Tasks by number: P that read their own partition number of everything, and one that reads all.
import { expect, test } from 'vitest'
import { INPUT_TOPICS, TOPICS } from '../../src/contracts/topics.ts'
import { allTasks, fleetTask, isFleet, serviceTask, taskOf } from '../../src/runtime/task-spec.ts'

test('a service task reads its own partition of every input', () => {
  const { task, inputs, journal, partition } = serviceTask(3)
  expect([task, journal, partition]).toEqual(['s3', 'journal', 3])
  expect(inputs).toEqual(INPUT_TOPICS.map((topic) => ({ topic, partition: 3 })))
})

test('the fleet task is number P, has a journal of its own, and reads what all observe', () => {
  const fleet = taskOf(2, 2)
  expect(fleet).toEqual(fleetTask(2))
  expect([fleet.task, fleet.journal, isFleet(fleet)]).toEqual(['fleet', 'fleet-journal', true])
  const observed = fleet.inputs.filter(({ topic }) => topic === 'observations')
  expect(observed.map(({ partition }) => partition)).toEqual([0, 1])
  expect(isFleet(taskOf(1, 2))).toBe(false)
})

test('what tasks read exists, no input twice in one task', () => {
  const kinds = TOPICS.map(({ kind }) => kind)
  expect(allTasks(3).map(({ task }) => task)).toEqual(['s0', 's1', 's2', 'fleet'])
  for (const { inputs } of allTasks(3)) {
    for (const { topic } of inputs) expect(kinds).toContain(topic)
    expect(new Set(inputs.map((at) => `${at.topic}-${at.partition}`)).size).toBe(inputs.length)
  }
})
