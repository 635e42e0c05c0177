// Names that both sides have to agree on.
import { expect, test } from 'vitest'
import { serviceTask, taskKey } from '../../../src/core/fleet/term.ts'
import { serviceTaskId } from '../../../src/runtime/journal.ts'

test('a service task is called what the engine calls it', () => {
  expect([0, 7, 11].map(serviceTask)).toEqual([0, 7, 11].map(serviceTaskId))
  expect(taskKey(serviceTask(3))).toBe('task:s3')
})
