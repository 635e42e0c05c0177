// Scenarios in real time, as their user meets them: played by the real tasks on the embedded log,
// judged by what is read back, and nothing is left. All ten are played by `--full`.
import { afterAll, expect, test, vi } from 'vitest'
import { healstream } from '../cli/command.ts'
import { isFull } from '../support/full.ts'
import { type Demo, startDemo } from './process.ts'

const started: Demo[] = []
afterAll(() => {
  for (const demo of started) demo.dispose()
})

function play(...args: readonly string[]): Demo {
  const demo = startDemo(['--scenario', ...args])
  started.push(demo)
  return demo
}

const nothingLeft = (demo: Demo) =>
  vi.waitFor(() => expect(demo.left()).toEqual([]), { timeout: 5_000, interval: 20 })

const ACTED = ['bad-release', 'crash', 'gray-failure', 'hang', 'slow']
const LEFT_ALONE = [
  'dependency-down',
  'flapping',
  'human-intervention',
  'telemetry-loss',
  'zone-loss',
]

test.concurrent('a crash: seen, healed, told with its alerts, and verified', async () => {
  const demo = play('crash', '--headless')
  expect(await demo.ended).toEqual({ code: 0, signal: null })
  expect(JSON.parse(demo.stdout())).toMatchObject({
    scenario: 'crash',
    log: 'memory',
    mustAct: ['shop-2'],
    asExpected: true,
    problems: [],
    acts: [{ action: 'restart', service: 'shop', instance: 'shop-2', outcome: 'succeeded' }],
  })
  const told = demo.stderr()
  for (const text of ['HAPPENS    shop-2 crashes', 'detected   shop/shop-2 is unhealthy: '])
    expect(told).toContain(text)
  for (const text of ['command    restart shop-2 to agent-of-shop-2', 'recovered  shop/shop-2'])
    expect(told).toContain(text)
  expect(told).toMatch(/alert {6}firing medium → ticket shop\/shop-2: /)
  expect(told).toContain('as expected: shop-2 and nobody else was acted on')
  await nothingLeft(demo)
})

test.concurrent('Ctrl-C in the middle of a play ends it, and leaves nothing', async () => {
  const demo = play('telemetry-loss')
  await demo.says('all agents fall silent')
  demo.child.kill('SIGINT')
  expect((await demo.ended).code).toBe(130)
  await nothingLeft(demo)
})

test.concurrent('the list, for people and programs; a wrong name: 2, and the list', async () => {
  const all = [...ACTED, ...LEFT_ALONE].sort()
  const list = await healstream(['demo', '--scenario', 'list'])
  expect(list.code).toBe(0)
  const lines = list.stdout.trim().split('\n')
  expect(lines.map((line) => line.split(' ')[0])).toEqual(all)
  const json = await healstream(['demo', '--scenario', 'list', '-o', 'json'])
  const parsed: { name: string; mustAct: unknown }[] = JSON.parse(json.stdout)
  expect(parsed.map(({ name }) => name)).toEqual(all)
  const alone = parsed.filter(({ mustAct }) => mustAct === null)
  expect(alone.map(({ name }) => name)).toEqual(LEFT_ALONE)
  const wrong = await healstream(['demo', '--scenario', 'earthquake'])
  expect([wrong.code, wrong.stdout]).toEqual([2, ''])
  expect(wrong.stderr).toContain('HS_USAGE: there is no scenario earthquake')
  for (const line of lines) expect(wrong.stderr).toContain(line)
})

if (isFull) {
  const others = [...ACTED, ...LEFT_ALONE].filter((name) => name !== 'crash')
  test.concurrent.each(others)('%s ends as it must in real time', async (name) => {
    const demo = play(name, '-o', 'json')
    expect(await demo.ended).toEqual({ code: 0, signal: null })
    const verdict = JSON.parse(demo.stdout())
    expect(verdict).toMatchObject({ scenario: name, asExpected: true, problems: [] })
    if (LEFT_ALONE.includes(name)) expect(verdict.acts).toEqual([])
    const why = verdict.refusals.length > 0 || verdict.blind !== null || verdict.acts.length > 0
    expect(why).toBe(true)
    await nothingLeft(demo)
  })
}
