// A process is told from a later one with the same id.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import {
  isAlive,
  isSameProcess,
  processStart,
  processUsage,
} from '../../../src/runtime/agent/proc.ts'

test('a process that has ended is gone', async () => {
  const child = spawn(process.execPath, ['-e', ''], { stdio: 'ignore' })
  const pid = child.pid ?? 0
  await once(child, 'exit')
  expect(isAlive(pid)).toBe(false)
  expect(processStart(pid)).toBeNull()
  expect(processUsage(pid)).toBeNull()
})

test('the id alone does not make a process the same', () => {
  expect(isAlive(process.pid)).toBe(true)
  expect(isSameProcess(process.pid, null)).toBe(true)
  expect(isSameProcess(process.pid, processStart(process.pid))).toBe(true)
  if (process.platform === 'linux') expect(isSameProcess(process.pid, '1')).toBe(false)
})
