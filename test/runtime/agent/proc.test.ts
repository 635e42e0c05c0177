// A process is told from a later one with the same id.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Duplex } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import { assert, expect, test } from 'vitest'
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

test.runIf(process.platform === 'linux')(
  'one nobody has asked for its end is gone too',
  async () => {
    // A killed agent under a careless init stays in the process table; its lock must not stay with
    // it. The one it began ends only once it is no shell any more: a shell may ask for ends.
    const script = 'cat <&3 & echo $!; exec sleep 5'
    const child = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore', 'pipe'] })
    const [, told, , holds] = child.stdio
    assert(told !== null && holds instanceof Duplex)
    try {
      const [line] = await once(told, 'data')
      const pid = Number(String(line))
      const name = (): string => readFileSync(`/proc/${child.pid}/comm`, 'latin1').trim()
      for (let i = 0; i < 400 && name() !== 'sleep'; i++) await wait(10)
      expect(name()).toBe('sleep')
      expect(isAlive(pid)).toBe(true)
      holds.end()
      for (let i = 0; i < 400 && isAlive(pid); i++) await wait(10)
      expect(processStart(pid)).not.toBeNull()
      expect(isAlive(pid)).toBe(false)
    } finally {
      child.kill('SIGKILL')
    }
  },
)

test('the id alone does not make a process the same', () => {
  expect(isAlive(process.pid)).toBe(true)
  expect(isSameProcess(process.pid, null)).toBe(true)
  expect(isSameProcess(process.pid, processStart(process.pid))).toBe(true)
  if (process.platform === 'linux') expect(isSameProcess(process.pid, '1')).toBe(false)
})
