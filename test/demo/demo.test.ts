// The demo as its user meets it: healed and told in one line of JSON; what it says when it cannot
// start; and that nothing is left of it, however and whenever it ends.
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import { demoProblems } from '../../scripts/lib/demo-section.mjs'
import { healstream } from '../cli/command.ts'
import { type Demo, startDemo } from './process.ts'

function start(...args: readonly string[]): Demo {
  const demo = startDemo(args)
  started.push(demo)
  return demo
}
// Tests run side by side, so what one of them started is ended after all of them.
const started: Demo[] = []
afterAll(() => {
  for (const demo of started) demo.dispose()
})

/** Guardian and services need a moment to notice a killed demo. */
const nothingLeft = (demo: Demo, timeout = 5_000) =>
  vi.waitFor(() => expect(demo.left()).toEqual([]), { timeout, interval: 20 })

test.concurrent('headless: healed by one command, told in one line, nothing is left', async () => {
  const demo = start('--headless')
  expect(await demo.ended).toEqual({ code: 0, signal: null })
  expect(demoProblems({ fault: 'crash', log: 'memory' }, demo.stdout())).toEqual([])
  expect(demo.stdout().trim().split('\n')).toHaveLength(1)
  expect(demo.stderr()).toContain('healed in ')
  await nothingLeft(demo)
})

test.concurrent('a second terminal reads it; Ctrl-C after the healing ends it well', async () => {
  const demo = start()
  await demo.says('Ctrl-C ends the demo')
  const { env } = demo
  const listed = await healstream(['get', 'incidents', '-o', 'json'], { env })
  const [incident] = JSON.parse(listed.stdout)
  expect(incident).toMatchObject({ service: 'stock', instance: 'stock-2', state: 'recovered' })
  const explained = await healstream(['explain', 'incident', incident.incident_id], { env })
  for (const word of ['evidence', 'policy   restart-unhealthy v1', 'clause', 'guard'])
    expect(explained.stdout).toContain(word)
  const reason = await healstream(['explain', 'reason', 'latest', '-o', 'json'], { env })
  const enough = JSON.parse(reason.stdout)
  expect(enough).toMatchObject({ minimal: true, event: { event: 'commanded' } })
  expect(enough.records.length).toBeLessThanOrEqual(20)
  const described = await healstream(['describe', 'incident', incident.incident_id], { env })
  expect(described.stdout).toMatch(/detected[^]*Command [0-9a-f]{32}[^]*succeeded/)
  const verified = await healstream(['journal', 'verify', '-o', 'json'], { env })
  expect(verified.code).toBe(0)
  const services = await healstream(['get', 'services', '-o', 'json'], { env })
  expect(JSON.parse(services.stdout)).toMatchObject([
    { service: 'shop', instances: 3 },
    { service: 'stock', instances: 3 },
  ])
  demo.child.kill('SIGINT')
  expect(await demo.ended).toEqual({ code: 0, signal: null })
  expect(demo.stderr()).toContain('stopped, nothing is left running')
  await nothingLeft(demo)
})

test.concurrent('a port in use: a sentence, exit 2, nothing started', async () => {
  const holder = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => holder.once('listening', resolve))
  const address = holder.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  try {
    const demo = start('--headless', '--port', String(port))
    expect(await demo.ended).toEqual({ code: 2, signal: null })
    expect(demo.stderr()).toContain(`HS_PORT_IN_USE: port ${port} on 127.0.0.1 is in use`)
    expect(demo.stderr()).toContain('--port')
    expect(demo.stdout()).toBe('')
    await nothingLeft(demo)
  } finally {
    holder.close()
  }
})

test.concurrent('without a genesis it waits; `healstream init` elsewhere is the cure', async () => {
  const demo = start('--headless', '--no-init')
  await demo.says('npx healstream init')
  expect(demo.stderr()).toContain('HS_NO_GENESIS: ')
  const { env } = demo
  const before = await healstream(['get', 'services'], { env })
  expect([before.code, before.stderr]).toEqual([2, expect.stringContaining('healstream init')])
  expect((await healstream(['init'], { env })).code).toBe(0)
  expect(await demo.ended).toEqual({ code: 0, signal: null })
  expect(demoProblems({ fault: 'crash', log: 'memory' }, demo.stdout())).toEqual([])
  await nothingLeft(demo)
})

test.concurrent('not healed within 30 s: exit 1, and what was not seen is null', async () => {
  const demo = start('--headless')
  await demo.says('warming up')
  const file = join(demo.env.HOME, 'watch-only.yaml')
  const policies = readFileSync(
    new URL('../../examples/demo/policies.yaml', import.meta.url),
    'utf8',
  )
  writeFileSync(file, policies.replace('mode: enforce', 'mode: observe'))
  const applied = await healstream(['policy', 'apply', file], { env: demo.env })
  expect(applied.stdout).toContain('updated')
  expect(await demo.ended).toEqual({ code: 1, signal: null })
  expect(demo.stderr()).toContain('not healed within 30 s; why: `npx healstream explain incident ')
  const lines = demo.stdout().trim().split('\n')
  expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({
    detectedAt: expect.any(Number),
    commandAt: null,
    recoveredAt: null,
    commands: 0,
    newPid: null,
  })
  await nothingLeft(demo)
})

const MOMENTS = [
  'endpoint ',
  'policies of ',
  'six processes run',
  'warming up',
  'FAULT',
  'command ',
]

test.concurrent.each(MOMENTS)(
  'Ctrl-C at "%s" stops within 5 s and leaves nothing',
  async (moment) => {
    const demo = start('--headless')
    await demo.says(moment)
    const at = performance.now()
    demo.child.kill('SIGINT')
    const { code } = await demo.ended
    expect([0, 130]).toContain(code)
    expect(performance.now() - at).toBeLessThan(7_000)
    expect(demo.stderr()).toContain('stopping (Ctrl-C again: at once)')
    await nothingLeft(demo)
  },
)

test.concurrent.each([0, 40, 80, 120, 200])(
  'Ctrl-C %d ms after the start leaves nothing',
  async (ms) => {
    const demo = start('--headless')
    await new Promise((resolve) => setTimeout(resolve, ms))
    demo.child.kill('SIGINT')
    await demo.ended
    await nothingLeft(demo)
  },
)

test.concurrent('Ctrl-C while it waits for a genesis ends it', async () => {
  const demo = start('--no-init')
  await demo.says('npx healstream init')
  demo.child.kill('SIGINT')
  expect(await demo.ended).toEqual({ code: 130, signal: null })
  await nothingLeft(demo)
})

test.concurrent('a second Ctrl-C ends it at once, and still nothing is left', async () => {
  const demo = start('--headless')
  await demo.says('warming up')
  demo.child.kill('SIGINT')
  await demo.says('stopping')
  demo.child.kill('SIGINT')
  expect((await demo.ended).code).toBe(130)
  await nothingLeft(demo)
})

test.concurrent.each(MOMENTS)(
  'kill -9 at "%s" leaves no process, folder or run file',
  async (moment) => {
    const demo = start('--headless')
    await demo.says(moment)
    demo.child.kill('SIGKILL')
    expect((await demo.ended).signal).toBe('SIGKILL')
    await nothingLeft(demo)
  },
)

test.concurrent('kill -9 while an instance is stopped leaves nothing either', async () => {
  // A process under SIGSTOP runs no timer and reads no pipe; before there was a guardian it stayed
  // for ever.
  const demo = start('--headless', '--fault', 'hang')
  await demo.says('kill -STOP')
  demo.child.kill('SIGKILL')
  await demo.ended
  await nothingLeft(demo)
})

test.concurrent('the agent’s own sight of its child’s exit can be switched on', async () => {
  const demo = start('--headless', '--driver-exit-signal', 'on')
  expect(await demo.ended).toEqual({ code: 0, signal: null })
  expect(demoProblems({ fault: 'crash', log: 'memory' }, demo.stdout())).toEqual([])
})
