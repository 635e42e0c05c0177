// The process driver with real processes: what it starts it ends, whole groups of them.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { endOrphan, ProcessDriver } from '../../../src/adapters/drivers/process.ts'
import type { ProcessExit } from '../../../src/runtime/agent/driver.ts'
import { isAlive, processStart } from '../../../src/runtime/agent/proc.ts'
import { systemClock } from '../../../src/runtime/clock.ts'
import { tsArgv } from '../../support/ts.ts'

let folder = ''
const drivers: ProcessDriver[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'healstream-driver-'))
})
afterEach(async () => {
  await Promise.all(drivers.splice(0).map((driver) => driver.stop()))
  rmSync(folder, { recursive: true })
})

const never = new AbortController().signal
const STAY = 'setInterval(() => {}, 1000);'
/** Says that it is well by making a file that bears its process id. */
const WELL = "require('fs').writeFileSync(process.env.WELL + process.pid, '');"

function driver(script: string, more: { startTimeoutMs?: number; program?: string } = {}) {
  const exits: ProcessExit[] = []
  const pids: number[] = []
  const own: ProcessDriver = new ProcessDriver({
    command: () => ({
      argv: [more.program ?? process.execPath, '-e', script],
      env: { WELL: `${folder}/well-` },
    }),
    clock: systemClock,
    healthy: async () => existsSync(`${folder}/well-${own.pid()}`),
    graceMs: 300,
    startTimeoutMs: more.startTimeoutMs ?? 5_000,
  })
  own.onExit((exit) => exits.push(exit))
  own.onStart((pid) => pids.push(pid))
  drivers.push(own)
  return { own, exits, pids }
}

async function until(holds: () => boolean, ms: number = 4_000): Promise<void> {
  for (let i = 0; i < ms / 10 && !holds(); i++) await wait(10)
  expect(holds()).toBe(true)
}

describe('start', () => {
  test('waits for health', async () => {
    const { own, pids } = driver(`setTimeout(() => { ${WELL} }, 200); ${STAY}`)
    const facts = await own.start(never)
    expect(facts).toMatchObject({ pidBefore: null, answered: true, detail: '' })
    expect(pids).toEqual([facts.pidAfter])
    expect(own.pid()).toBe(facts.pidAfter)
  })

  test('of what runs already starts nothing', async () => {
    const { own, pids } = driver(WELL + STAY)
    await own.start(never)
    expect(await own.start(never)).toMatchObject({ answered: true, pidAfter: pids[0] })
    expect(pids.length).toBe(1)
  })

  test('of what ends at once says so, with its last words kept and bounded', async () => {
    const words = 'for (let i = 0; i < 5000; i++) console.log("line " + i); process.exitCode = 3'
    const { own, exits } = driver(words)
    const facts = await own.start(never)
    expect(facts).toMatchObject({ answered: false })
    expect(facts.detail).toBe('it ended before its health answered')
    expect(exits).toMatchObject([{ exitCode: 3, signal: null, expected: false }])
    expect(own.pid()).toBeNull()
    await until(() => own.output().includes('line 4999'))
    expect(own.output().length).toBeLessThanOrEqual(8_192)
  })

  test('of a program that is not there is an answer, not an exception', async () => {
    const { own } = driver('', { program: '/no/such/program' })
    const facts = await own.start(never)
    expect(facts).toMatchObject({ answered: false, pidAfter: null })
    expect(facts.detail).toContain('ENOENT')
  })

  test('does not wait for ever, and ends its wait when told', async () => {
    const slow = driver(STAY, { startTimeoutMs: 200 })
    const facts = await slow.own.start(never)
    expect(facts).toMatchObject({
      answered: false,
      detail: 'it runs, but its health does not answer',
    })
    const other = driver(STAY)
    expect((await other.own.start(AbortSignal.timeout(100))).answered).toBe(false)
  })

  test('hands on nothing of its own environment but PATH', async () => {
    process.env['HEALSTREAM_CANARY'] = 'secret'
    try {
      const dump =
        "require('fs').writeFileSync(process.env.WELL + 'env', JSON.stringify(process.env));"
      const { own } = driver(dump + WELL + STAY)
      await own.start(never)
      const env = JSON.parse(readFileSync(`${folder}/well-env`, 'utf8'))
      expect(Object.keys(env).sort()).toEqual(['PATH', 'WELL'])
    } finally {
      delete process.env['HEALSTREAM_CANARY']
    }
  })
})

describe('restart', () => {
  test('of a willing process does not need SIGKILL', async () => {
    const { own, exits } = driver(WELL + STAY)
    const { pidAfter: first } = await own.start(never)
    const facts = await own.restart(never)
    expect(facts).toMatchObject({ pidBefore: first, killed: false, answered: true })
    expect(facts.pidAfter).not.toBe(first)
    expect(exits).toMatchObject([{ pid: first, signal: 'SIGTERM', expected: true }])
  })

  test('of one that ignores SIGTERM, or is stopped, kills it after the grace time', async () => {
    const { own } = driver(`process.on('SIGTERM', () => {}); ${WELL} ${STAY}`)
    const { pidAfter: first } = await own.start(never)
    const second = await own.restart(never)
    expect(second).toMatchObject({ pidBefore: first, killed: true, answered: true })
    process.kill(second.pidAfter ?? 0, 'SIGSTOP')
    const third = await own.restart(never)
    expect(third).toMatchObject({ pidBefore: second.pidAfter, killed: true, answered: true })
    expect(isAlive(second.pidAfter ?? 0)).toBe(false)
  })

  test('of one that died by kill -9 still names it; nothing is started before', async () => {
    const { own, exits, pids } = driver(WELL + STAY)
    const { pidAfter: first } = await own.start(never)
    process.kill(first ?? 0, 'SIGKILL')
    await until(() => exits.length === 1)
    await wait(200)
    expect(own.pid()).toBeNull()
    expect(pids).toEqual([first])
    expect(exits).toMatchObject([{ signal: 'SIGKILL', exitCode: null, expected: false }])
    expect(await own.restart(never)).toMatchObject({ pidBefore: first, answered: true })
  })
})

test('stop ends what the process had started, also what ignores everything', async () => {
  const child = `process.on('SIGTERM', () => {}); ${STAY}`
  const script = `const { spawn } = require('child_process')
    const c = spawn(process.execPath, ['-e', ${JSON.stringify(child)}]);
    require('fs').writeFileSync(process.env.WELL + 'child', String(c.pid)); ${WELL} ${STAY}`
  const { own } = driver(script)
  const { pidAfter } = await own.start(never)
  const grandchild = Number(readFileSync(`${folder}/well-child`, 'utf8'))
  expect(isAlive(grandchild)).toBe(true)
  await own.stop()
  expect(isAlive(pidAfter ?? 0)).toBe(false)
  await until(() => !isAlive(grandchild))
})

describe('the process of an agent that was killed', () => {
  test('ends by itself when it watches its stdin, and can be ended when it does not', async () => {
    const children = [
      `process.stdin.on('end', () => process.exit()).resume(); ${WELL} ${STAY}`,
      WELL + STAY,
    ]
    const agent = join(folder, 'agent.mjs')
    const source = (path: string): string =>
      JSON.stringify(new URL(`../../../src/${path}`, import.meta.url).href)
    writeFileSync(
      agent,
      `import { existsSync } from 'node:fs'
       import { ProcessDriver } from ${source('adapters/drivers/process.ts')}
       import { systemClock } from ${source('runtime/clock.ts')}
       const pids = []
       const env = { WELL: '${folder}/well-' }
       for (const script of ${JSON.stringify(children)}) {
         const driver = new ProcessDriver({
           command: () => ({ argv: [process.execPath, '-e', script], env }),
           clock: systemClock,
           healthy: async () => existsSync(env.WELL + driver.pid()),
         })
         pids.push((await driver.start(new AbortController().signal)).pidAfter)
       }
       console.log(pids.join(' '))`,
    )
    const [node = '', ...args] = tsArgv('x').slice(0, 3)
    const child = spawn(node, [...args, agent], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = await once(child.stdout, 'data')
    const [polite = 0, deaf = 0] = String(line).trim().split(' ').map(Number)
    const start = processStart(deaf) ?? ''
    child.kill('SIGKILL')
    await until(() => !isAlive(polite))
    expect(isAlive(deaf)).toBe(true)
    expect(endOrphan(deaf, '1')).toBe(false)
    expect(endOrphan(deaf, start)).toBe(true)
    await until(() => !isAlive(deaf))
    expect(endOrphan(deaf, start)).toBe(false)
  }, 20_000)
})
