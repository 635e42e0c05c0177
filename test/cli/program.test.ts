// Words that are not understood, in the form that was asked for, and what needs nothing running.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { nodeProblem } from '../../src/cli/version.ts'
import { healstream } from './command.ts'

const base = mkdtempSync(join(tmpdir(), 'healstream-usage-'))
const env = { XDG_RUNTIME_DIR: base, HOME: base }
afterAll(() => rmSync(base, { recursive: true, force: true }))

test.each([
  [['demo', '--fualt', 'crash'], "unknown option '--fualt' (Did you mean --fault?)"],
  [
    ['demo', '--fault', 'fire'],
    "'fire' is invalid. Allowed choices are crash, hang, errors, slow.",
  ],
  [['demo', '--port', '70000'], 'expected a whole number from 0 to 65535.'],
  [['polcy', 'lint'], "unknown command 'polcy' (Did you mean policy?)"],
  [['get', 'servces'], "unknown command 'servces' (Did you mean services?)"],
  [['describe', 'incident'], "missing required argument 'id'"],
  [['get', 'services', 'x'], 'too many arguments'],
  [['get', 'services', '-o', 'xml'], 'Allowed choices are table, json.'],
])('%j ends with 2 and a sentence', async (args, sentence) => {
  const { code, stdout, stderr } = await healstream(args, { env })
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toContain('HS_USAGE: ')
  expect(stderr).toContain(sentence)
  expect(stderr).toContain('--help')
})

test('an option before its command is told where options stand', async () => {
  const { code, stderr } = await healstream(['get', '--output', 'table', 'services'], { env })
  expect(code).toBe(2)
  expect(stderr).toContain('behind the whole command, as in `healstream get services -o json`')
})

test('errors of usage are JSON too when JSON was asked for', async () => {
  const { code, stderr } = await healstream(['get', 'services', '--nope', '-o', 'json'], { env })
  expect(code).toBe(2)
  expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'HS_USAGE' } })
})

test('a group without its command shows its help and ends with 2', async () => {
  const { code, stderr } = await healstream(['get'], { env })
  expect(code).toBe(2)
  expect(stderr).toContain('Usage: healstream get')
})

test('help and version go to stdout and end well', async () => {
  const help = await healstream(['--help'], { env })
  expect([help.code, help.stderr]).toEqual([0, ''])
  for (const text of ['Examples:', 'Exit codes:', 'demo', 'explain', 'policy'])
    expect(help.stdout).toContain(text)
  for (const args of [['--version'], ['version']])
    expect(await healstream(args, { env })).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^healstream \d+\.\d+\.\d+\n$/),
    })
})

test('with nothing running a reading command says how to start', async () => {
  const { code, stderr } = await healstream(['get', 'services'], { env })
  expect(code).toBe(3)
  expect(stderr).toMatch(
    /^HS_UNREACHABLE: no running healstream found in .*\n.*npx healstream demo/,
  )
})

test('an old Node is told so before anything else is loaded', async () => {
  const pretend =
    "const value = { ...process.versions, node: '18.20.4' };" +
    "Object.defineProperty(process, 'versions', { value })"
  const node = ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`]
  const { code, stdout, stderr } = await healstream(['demo'], { env, node })
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toMatch(/^HS_NODE_VERSION: healstream needs Node 20.19 or newer, this is Node 18/)
  expect(stderr).toContain('Install Node 20.19 or newer')
})

test('which versions are new enough', () => {
  const refused = ['18.20.4', '20.18.9', '19.9.0'].map((v) => nodeProblem(v) !== null)
  const taken = ['20.19.0', '20.20.2', '22.0.0', '24.1.0'].map((v) => nodeProblem(v) !== null)
  expect([refused, taken]).toEqual([
    [true, true, true],
    [false, false, false, false],
  ])
})
