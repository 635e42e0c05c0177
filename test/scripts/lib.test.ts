// The scripts behind `./scripts/test`: what they count, what they refuse, what they leave running.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { demoProblems, marked } from '../../scripts/lib/demo-section.mjs'
import { commandLines, fences } from '../../scripts/lib/docs-section.mjs'
import { packProblems } from '../../scripts/lib/package-section.mjs'
import { run, setDeadline } from '../../scripts/lib/run.mjs'
import { lastLine, settle, table } from '../../scripts/lib/tally.mjs'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const node = (...args: readonly string[]) =>
  spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' })

/** A process that ended but was not yet collected by its parent (state Z) is not alive. */
function isAlive(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' })
  return stdout.trim() !== '' && !stdout.trim().startsWith('Z')
}

/** A signal takes a moment. */
async function isGone(pid: number): Promise<boolean> {
  for (let i = 0; i < 100 && isAlive(pid); i++) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return !isAlive(pid)
}

describe('run', () => {
  test('gives the code and both streams', async () => {
    const script = "console.log('out'); console.error('err'); process.exit(3)"
    const result = await run('node', ['-e', script], { timeoutMs: 10_000 })
    expect([result.code, result.stdout, result.timedOut]).toEqual([3, 'out\n', false])
    expect(result.output).toContain('err')
  })

  test('ends a command with its children when the time is up', async () => {
    const child = "require('child_process').spawn('sleep', ['60'], { stdio: 'inherit' })"
    const script = `const c = ${child}; console.log(c.pid); setInterval(() => {}, 1000)`
    const result = await run('node', ['-e', script], { timeoutMs: 1500 })
    expect([result.code, result.timedOut]).toEqual([1, true])
    const grandchild = Number(result.stdout.trim())
    expect(grandchild).toBeGreaterThan(0)
    expect(await isGone(grandchild)).toBe(true)
  })

  // Before: a command that had left a process with its streams behind was waited for until that
  // one ended.
  test('does not wait for a process left behind with its streams', async () => {
    const script = [
      "const { spawn } = require('node:child_process')",
      "const c = spawn('sleep', ['60'], { detached: true, stdio: 'inherit' })",
      'console.log(c.pid)',
      'c.unref()',
    ].join('\n')
    const result = await run('node', ['-e', script], { timeoutMs: 20_000 })
    const left = Number(result.stdout.trim())
    expect([result.code, result.timedOut, isAlive(left)]).toEqual([0, false, true])
    process.kill(left, 'SIGKILL')
  })

  test('no command runs past the deadline of its section', async () => {
    setDeadline(0.3)
    const first = await run('sleep', ['60'], { timeoutMs: 20_000 })
    const second = await run('sleep', ['60'], { timeoutMs: 20_000 })
    setDeadline(3600)
    expect([first.timedOut, second.timedOut]).toEqual([true, true])
    expect(second.seconds).toBeLessThan(5)
  })

  test('interrupted itself, it takes its command along', async () => {
    const script = [
      "import { run } from './scripts/lib/run.mjs'",
      "run('sh', ['-c', 'echo $$; exec sleep 60'], { timeoutMs: 60000, show: true })",
    ].join('\n')
    const runner = spawn(process.execPath, ['--input-type=module', '-e', script], { cwd: ROOT })
    const child = await new Promise<number>((resolve) => {
      runner.stdout.on('data', (text: Buffer) => resolve(Number(text.toString())))
    })
    expect(isAlive(child)).toBe(true)
    runner.kill('SIGTERM')
    const code = await new Promise((resolve) => runner.on('exit', resolve))
    expect(code).toBe(143)
    expect(await isGone(child)).toBe(true)
  })

  test('a command that does not exist is a failure with its name', async () => {
    const result = await run('no-such-command-here', [], { timeoutMs: 5000 })
    expect(result.code).toBe(1)
    expect(result.output).toContain('no-such-command-here')
  })
})

describe('the report of the test runner', () => {
  // Before: a section whose time was up had "left no report": not a word about what had hung.
  test('cut short, it names the file that was under way', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'healstream-reporter-'))
    symlinkSync(`${ROOT}node_modules`, join(folder, 'node_modules'))
    const body = "import { test } from 'vitest'\ntest('t', () => new Promise(() => {}), 90_000)\n"
    writeFileSync(join(folder, 'hangs.test.ts'), body)
    const report = join(folder, 'report.json')
    const reporter = `${ROOT}scripts/lib/vitest-reporter.mjs`
    const child = spawn(
      `${ROOT}node_modules/.bin/vitest`,
      ['run', '--root', folder, '--reporter', reporter],
      { env: { ...process.env, HEALSTREAM_TEST_REPORT: report }, stdio: 'ignore', detached: true },
    )
    try {
      for (let i = 0; i < 600 && !existsSync(report); i++) {
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      const { passed, failures } = JSON.parse(readFileSync(report, 'utf8'))
      expect([passed, failures]).toEqual([0, ['hangs.test.ts: cut short']])
    } finally {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
      rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
    }
  })
})

describe('counting', () => {
  const row = (passed: number, failures: string[], skips: string[]) => ({
    name: 'x',
    tally: { passed, failures, skips },
    seconds: 95,
    shareSeconds: 100,
  })

  test('the last line', () => {
    expect(lastLine([row(2, [], []), row(3, [], [])])).toBe('5 passed, 0 failed')
    expect(lastLine([row(2, ['a'], ['b', 'c'])])).toBe('2 passed, 1 failed, 2 skipped')
  })

  test('what is skipped has failed where real parts must be there', () => {
    const { tally } = row(2, [], ['kafka (no Java)'])
    expect(settle(tally, false)).toEqual(tally)
    const strict = settle(tally, true)
    expect(strict.failures).toEqual(['missing in CI: kafka (no Java)'])
    expect(strict.skips).toEqual([])
  })

  test('the table names a section that is near its share', () => {
    expect(table([row(1, [], [])]).at(-1)).toContain('over 90 %')
  })
})

describe('demo', () => {
  const good = {
    log: 'memory',
    fault: 'hang',
    faultAt: 1,
    detectedAt: 2,
    commandAt: 2,
    actedAt: 3,
    recoveredAt: 4,
    commands: 1,
    oldPid: 10,
    newPid: 11,
  }
  const line = (more: object) => `talk\n${JSON.stringify({ ...good, ...more })}\n`

  test('the promised line', () => {
    expect(demoProblems({ fault: 'hang', log: 'memory' }, line({}))).toEqual([])
  })

  test.each([
    [{ fault: 'crash' }],
    [{ commands: 2 }],
    [{ newPid: 10 }],
    [{ actedAt: 1 }],
    [{ recoveredAt: null }],
    [{ oldPid: '10' }],
    [{ log: 'kafka' }],
  ])('refuses %j', (more) => {
    expect(demoProblems({ fault: 'hang', log: 'memory' }, line(more))).toHaveLength(1)
  })

  test.skipIf(process.platform !== 'linux')('what is left running is found', async () => {
    const env = { ...process.env, HEALSTREAM_DEMO_RUN: 'test-mark' }
    expect(marked('test-mark')).toEqual([])
    const child = spawn('sleep', ['60'], { env, detached: true, stdio: 'ignore' })
    await new Promise((resolve) => child.on('spawn', resolve))
    try {
      expect(marked('test-mark')).toEqual([child.pid])
    } finally {
      child.kill('SIGKILL')
    }
  })

  test('no line at all', () => {
    expect(demoProblems({ fault: 'hang', log: 'memory' }, 'Error: no\n').length).toBeGreaterThan(5)
  })
})

describe('package', () => {
  const good = [
    'package.json',
    'LICENSE',
    'README.md',
    'CHANGELOG.md',
    'dist/cli/main.js',
    'dist/index.d.ts',
    'schemas/telemetry.avsc',
    'examples/agent.yaml',
    'examples/scenarios/crash.scenario.txt',
    'examples/notifier.yaml',
    'examples/service.mjs',
  ]
  test('what is missing, what does not belong', () => {
    const problems = (files: readonly string[]) =>
      packProblems(files, (path: string) => path === 'src/cli/main.ts')
    expect(problems(good)).toEqual([])
    expect(problems(good.slice(1))).toEqual(['missing: package.json'])
    expect(problems([...good, 'dist/.tsbuildinfo'])).toEqual(['unexpected: dist/.tsbuildinfo'])
    expect(problems([...good, 'src/cli/main.ts'])).toEqual(['unexpected: src/cli/main.ts'])
    const [stale] = problems([...good, 'dist/cli/gone.js'])
    expect(stale).toContain('stale: dist/cli/gone.js')
  })
})

describe('examples in the docs', () => {
  test('fences', () => {
    const page = 'a\n```sh\nhealstream get services\n```\nb\n```yaml\nkind: HealPolicy\n```\n'
    expect(fences('x.md', page)).toEqual([
      { file: 'x.md', line: 3, lang: 'sh', text: 'healstream get services\n' },
      { file: 'x.md', line: 7, lang: 'yaml', text: 'kind: HealPolicy\n' },
    ])
  })

  test('command lines', () => {
    const text =
      '$ npx healstream get services -o json | jq .  # all\nls\nhealstream explain incident ID'
    expect(commandLines(text)).toEqual([
      { words: ['get', 'services'], flags: ['-o'] },
      { words: ['explain', 'incident'], flags: [] },
    ])
  })
})

describe('the scripts, run', () => {
  test('an old Node is refused in a sentence', () => {
    const old = "Object.defineProperty(process, 'versions', { value: { node: '18.19.0' } })"
    const result = node('-e', `${old}; require('./scripts/check-node.cjs')`)
    expect(result.status).toBe(2)
    expect(result.stderr).toContain('HS_NODE_VERSION')
    expect(result.stderr).toContain('this is Node 18.19.0')
    expect(node('scripts/check-node.cjs').status).toBe(0)
  })

  test('a wrong section or option is wrong use', () => {
    const result = node('scripts/test.mjs', '--only', 'nothing')
    expect([result.status, result.stdout]).toEqual([2, ''])
    expect(result.stderr).toContain('there is no section nothing')
    expect(node('scripts/test.mjs', '--fast').status).toBe(2)
  })
})
