// One instance as a process: what it refuses to start with, and when it ends.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { isAlive } from '../../../../src/runtime/agent/proc.ts'
import { tsArgv } from '../../../support/ts.ts'

const MAIN = 'src/roles/demo/service/main.ts'
const GOOD = ['--service=shop', '--instance=shop-1', '--port=0', '--intake=127.0.0.1:1']
const children: ChildProcess[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

function start(args: readonly string[]) {
  const [node = '', ...rest] = tsArgv(MAIN, ...args)
  const child = spawn(node, rest, { stdio: ['pipe', 'pipe', 'pipe'] })
  children.push(child)
  return child
}

async function ready(args: readonly string[] = GOOD) {
  const child = start(args)
  const [line] = await once(child.stdout, 'data')
  return { child, ...JSON.parse(String(line)) } as { child: ChildProcess; port: number }
}

test('answers its health, and ends on SIGTERM with 0', async () => {
  const { child, port } = await ready()
  expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200)
  child.kill('SIGTERM')
  expect(await once(child, 'exit')).toEqual([0, null])
})

test('ends when its parent goes away', async () => {
  const { child } = await ready()
  child.stdin?.end()
  expect(await once(child, 'exit')).toEqual([0, null])
})

test('ends when its parent dies although somebody else holds its stdin', async () => {
  const [node = '', ...rest] = tsArgv(MAIN, ...GOOD)
  const script = `const c = require('child_process').spawn(${JSON.stringify(node)},
    ${JSON.stringify(rest)}, { stdio: ['inherit', 'pipe', 'inherit'] })
    c.stdout.once('data', () => console.log(c.pid)); setInterval(() => {}, 1000)`
  const parent = spawn(node, ['-e', script], { stdio: ['pipe', 'pipe', 'inherit'] })
  children.push(parent)
  const [line] = await once(parent.stdout, 'data')
  const pid = Number(String(line))
  expect(isAlive(pid)).toBe(true)
  parent.kill('SIGKILL')
  for (let i = 0; i < 400 && isAlive(pid); i++) await wait(10)
  expect(isAlive(pid)).toBe(false)
})

test.each([
  [['--service=shop'], 'are needed'],
  [[...GOOD, '--port=x'], 'not a port'],
  [[...GOOD, '--service=bank'], 'shop or stock'],
  [[...GOOD, '--peers=nowhere'], 'not host:port'],
  [[...GOOD, '--unknown'], 'unknown'],
])('%j is refused with a sentence and exit 2', async (args, reason) => {
  const child = start(args)
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  const [code] = await once(child, 'close')
  expect(code).toBe(2)
  expect(said).toContain(reason)
  expect(said.trim().split('\n').length).toBe(1)
})

test('a port in use ends it with a sentence', async () => {
  const { port } = await ready()
  const child = start([...GOOD, `--port=${port}`])
  const [code] = await once(child, 'exit')
  expect(code).toBe(2)
})
