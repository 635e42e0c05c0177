// One living agent per folder; a dead one's lock does not stand in the way.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { lockFolder } from '../../../src/runtime/agent/ledger-lock.ts'
import { tsArgv } from '../../support/ts.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'healstream-lock-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

test('a second holder is refused, in this process too, until the first gives it back', () => {
  const { release, note } = lockFolder(folder)
  expect(note).toBeNull()
  expect(() => lockFolder(folder)).toThrow(`process ${process.pid} uses the agent folder`)
  release()
  lockFolder(folder).release()
  expect(readdirSync(folder)).toEqual([])
})

test('the lock of a process killed with kill -9 is taken over', async () => {
  const script = `import { lockFolder } from ${JSON.stringify(
    new URL('../../../src/runtime/agent/ledger-lock.ts', import.meta.url).href,
  )}; lockFolder(process.argv[1]); console.log('held'); setInterval(() => {}, 1000)`
  const [node = '', ...args] = tsArgv('x').slice(0, 3)
  const child = spawn(node, [...args, '--input-type=module', '-e', script, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  try {
    await Promise.race([once(child.stdout, 'data'), exited])
    expect(() => lockFolder(folder)).toThrow(`process ${child.pid} uses`)
  } finally {
    child.kill('SIGKILL')
    await exited
  }
  const { release, note } = lockFolder(folder)
  expect(note).toBe(`took over the lock of process ${child.pid}, which is gone`)
  release()
})

test.each([
  ['a process id that now belongs to another process', `${process.pid} 1\n`],
  ['nothing readable', 'garbage'],
  ['nothing', ''],
])('a lock that names %s is stale', (_, content) => {
  if (process.platform !== 'linux' && content.startsWith(String(process.pid))) return
  writeFileSync(join(folder, 'lock'), content)
  lockFolder(folder).release()
  expect(readdirSync(folder)).toEqual([])
})
