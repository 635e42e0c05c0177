// `./scripts/kafka` with real brokers: idempotent, refuses what it cannot mean, leaves nothing.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { whatIsMissing } from '../../../scripts/lib/servers/fetch.mjs'
import { aliveBrokers } from '../../../scripts/lib/servers/kafka-probe.mjs'
import { startKafka } from '../../support/kafka/cluster.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const state = mkdtempSync(join(tmpdir(), 'healstream-state-'))
const env = { ...process.env, XDG_STATE_HOME: state }
const port = String(25_000 + (process.pid % 5000))
const { java } = whatIsMissing()

interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}
function kafka(args: readonly string[], more: Record<string, string> = {}): Ran {
  const options = { cwd: ROOT, encoding: 'utf8' as const, env: { ...env, ...more } }
  const { status, stdout, stderr } = spawnSync(`${ROOT}scripts/kafka`, args, options)
  return { code: status, stdout, stderr }
}
const json = (ran: Ran): unknown => JSON.parse(ran.stdout)
/** Processes that have our folder in their command line. */
function running(text: string): readonly string[] {
  const { stdout } = spawnSync('ps', ['-ww', '-eo', 'args='], { encoding: 'utf8' })
  return stdout.split('\n').filter((line) => line.includes(text) && line.includes('java'))
}
async function gone(text: string): Promise<readonly string[]> {
  for (let i = 0; i < 100 && running(text).length > 0; i++) {
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return running(text)
}
async function until(done: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !done(); i++) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Part of the name of what needs brokers. */
const why = java === null ? '' : ` (${java})`
afterAll(() => {
  rmSync(state, { recursive: true, force: true })
})

describe('wrong use', () => {
  test.each([
    [['start'], 'say up, down or status'],
    [['up', '--nodes', '2'], '--nodes 2'],
    [['up', '--version', '2.8.0'], '--version 2.8.0'],
    [['up', '--port', '80'], '--port 80'],
    [['up', '--set', 'x'], '--set "x"'],
    [['up', '--properties', '/no/such'], 'no such file'],
    [['up', '--nodes', '3', '--advertise', 'a:1'], '--advertise'],
    [['up', '--frobnicate'], '--frobnicate'],
    [['status', '--output', 'xml'], '--output xml'],
    [['up', '--port', port, 'and', 'more'], 'up and more'],
  ])('%j', (args, words) => {
    const ran = kafka(args)
    expect([ran.code, ran.stdout]).toEqual([2, ''])
    expect(ran.stderr).toContain(words)
  })

  test('without Java and without an engine it says what to install', () => {
    const bin = mkdtempSync(join(tmpdir(), 'healstream-bin-'))
    try {
      for (const name of ['bash', 'dirname', 'node', 'env']) {
        const found = spawnSync('which', [name], { encoding: 'utf8' }).stdout.trim()
        spawnSync('ln', ['-s', name === 'node' ? process.execPath : found, join(bin, name)])
      }
      const ran = kafka(['up'], { PATH: bin, JAVA_HOME: '' })
      expect(ran.code).toBe(3)
      expect(ran.stderr).toMatch(/there is no Java[^]*Install OpenJDK 17/)
    } finally {
      rmSync(bin, { recursive: true, force: true })
    }
  })
})

describe.skipIf(java !== null)(`one broker${why}`, () => {
  // A broker that was killed is let in again when its session has ended.
  const at = ['--port', port, '--set', 'broker.session.timeout.ms=3000']

  test('up, up again, other settings, status, a crash, up again, down', {
    timeout: 120_000,
  }, () => {
    const first = kafka(['up', ...at, '--output', 'json'])
    expect(first.stderr).toContain('making a broker')
    expect(json(first)).toMatchObject({ running: true, brokers: [`127.0.0.1:${port}`] })
    const again = kafka(['up', ...at, '--output', 'json'])
    expect([again.code, json(again)]).toEqual([0, json(first)])

    const other = kafka(['up', ...at, '--set', 'log.retention.ms=1'])
    expect([other.code, other.stderr]).toEqual([1, expect.stringContaining('--name default')])
    expect(kafka(['status']).stdout).toContain(`./scripts/demo --brokers 127.0.0.1:${port}`)

    const [line = ''] = running(state)
    spawnSync('sh', ['-c', `kill -9 $(cat "${state}"/healstream/kafka/default/1.pid)`])
    expect(line).toContain('kafka.Kafka')
    const crashed = kafka(['status'])
    expect([crashed.code, crashed.stdout]).toEqual([1, expect.stringContaining('does not run')])
    expect(json(kafka(['up', ...at, '--output', 'json']))).toMatchObject({
      clusterId: Reflect.get(Object(json(first)), 'clusterId'),
      running: true,
    })

    const down = kafka(['down'])
    expect([down.code, down.stdout]).toEqual([0, 'cluster default: ended 1 of 1 nodes\n'])
    expect(kafka(['down']).stdout).toBe('cluster default: nothing ran\n')
    expect(kafka(['status']).code).toBe(1)
    expect(readdirSync(join(state, 'healstream', 'kafka'))).toEqual([])
  })

  test('a port that is taken is named, and nothing is left', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(Number(port), '127.0.0.1', resolve))
    const ran = kafka(['up', ...at, '--name', 'taken'])
    server.close()
    expect([ran.code, ran.stderr]).toEqual([1, expect.stringContaining(`port ${port}`)])
    expect(readdirSync(join(state, 'healstream', 'kafka'))).toEqual([])
  })

  test('a broker that ends at once: the end of its log is shown', () => {
    const ran = kafka(['up', ...at, '--name', 'bad', '--set', 'log.flush.interval.messages=0'])
    expect(ran.code).toBe(1)
    expect(ran.stderr).toMatch(/log.flush.interval.messages/)
    expect(readdirSync(join(state, 'healstream', 'kafka'))).toEqual([])
  })

  test.each(['SIGINT', 'SIGTERM'] as const)('interrupted by %s, nothing is left', async (name) => {
    const args = ['scripts/kafka.mjs', 'up', '--name', 'cut', ...at]
    const child = spawn(process.execPath, args, { cwd: ROOT, env, stdio: 'ignore' })
    const ended = new Promise((resolve) => child.on('exit', resolve))
    await until(() => running(state).some((line) => line.includes('kafka.Kafka')))
    expect(running(state)).toHaveLength(1)
    child.kill(name)
    expect(await ended).toBe(name === 'SIGINT' ? 130 : 143)
    expect(await gone(state)).toEqual([])
    expect(readdirSync(join(state, 'healstream', 'kafka'))).toEqual([])
  })

  test('listeners of a file, users, an address that clients are told', async () => {
    const file = join(state, 'sasl.properties')
    const names = 'PLAINTEXT://127.0.0.1:{port},SASL_PLAINTEXT://127.0.0.1:{extraPort}'
    const lines = [
      `listeners=${names},CONTROLLER://127.0.0.1:{controllerPort}`,
      `advertised.listeners=${names}`,
      'sasl.enabled.mechanisms=SCRAM-SHA-512',
      'listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config=\\',
      '  org.apache.kafka.common.security.scram.ScramLoginModule required;',
    ]
    writeFileSync(file, lines.join('\n'))
    const scram = 'SCRAM-SHA-512=[name=ada,password=notasecret]'
    const ran = kafka(['up', ...at, '--name', 'sasl', '--properties', file, '--scram', scram])
    expect(ran.code, ran.stderr).toBe(0)
    const listener = { name: 'S', host: '127.0.0.1', protocol: 'SASL_PLAINTEXT' }
    expect(await aliveBrokers({ ...listener, port: Number(port) + 200 }, 3000)).toBeNull()
    expect(kafka(['down', '--name', 'sasl']).code).toBe(0)
  })
})

describe.skipIf(java !== null)(`clusters of tests${why}`, () => {
  test('whoever started one is killed: the brokers go too', async () => {
    const script = [
      "import { startEphemeral } from './scripts/lib/servers/ephemeral.mjs'",
      "const { folder } = await startEphemeral({ nodes: 1, version: '4.1.1' }, () => {})",
      'console.log(folder)',
      'setInterval(() => {}, 1000)',
    ].join('\n')
    const args = ['--input-type=module', '-e', script]
    const child = spawn(process.execPath, args, { cwd: ROOT })
    const folder = await new Promise<string>((resolve) => {
      child.stdout.on('data', (text: Buffer) => resolve(text.toString().trim()))
    })
    expect(running(folder)).toHaveLength(1)
    child.kill('SIGKILL')
    expect(await gone(folder)).toEqual([])
  })

  test('three nodes: one killed, one paused, both back', { timeout: 120_000 }, async () => {
    const cluster = await startKafka({ nodes: 3, own: true })
    const ask = (node: number) => {
      const at = Number(cluster.brokers[node - 1]?.split(':')[1])
      const listener = { name: 'P', protocol: 'PLAINTEXT', host: '127.0.0.1', port: at }
      return aliveBrokers(listener, 1000)
    }
    try {
      expect(await ask(2)).toEqual([1, 2, 3])
      await cluster.kill9(1)
      await expect(ask(1)).rejects.toThrow('ECONNREFUSED')
      await cluster.restart(1)
      expect(await ask(1)).toContain(1)
      cluster.pause(3)
      await expect(ask(3)).rejects.toThrow('does not answer')
      cluster.resume(3)
      expect(await ask(3)).toContain(3)
    } finally {
      await cluster.stop()
    }
    expect(running(cluster.folder)).toEqual([])
  })
})
