// The roles as processes of their own on real Kafka, as an operator starts them: set-up, worker,
// projector and the agent of examples/agent.yaml; a fault healed across all of them; clean ends.
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { healstream } from '../cli/command.ts'
import { startKafka, type TestKafka } from '../support/kafka/cluster.ts'
import { type RoleProcess, startRole } from '../support/role-process.ts'
import { Operator } from './operator.ts'

const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'healstream-roles-'))
const prefix = `t${randomBytes(4).toString('hex')}.`
const started: RoleProcess[] = []
let kafka: TestKafka
let env: Readonly<Record<string, string>>
/** Asks for its brokers while the other tests run. */
let nowhere: RoleProcess
let awayPort = 0

beforeAll(async () => {
  kafka = await startKafka({ nodes: 1, own: true })
  env = {
    HOME: folder,
    XDG_RUNTIME_DIR: folder,
    HEALSTREAM_KAFKA_BROKERS: kafka.brokers.join(','),
    HEALSTREAM_PREFIX: prefix,
    HEALSTREAM_GROUP: `${prefix}workers`,
  }
  awayPort = await freePort()
  nowhere = role('worker', '--brokers', '127.0.0.1:9', '--port', String(awayPort))
})
afterAll(async () => {
  for (const role of started) await role.end('SIGKILL')
  kafka.resume(1)
  await kafka.stop()
  rmSync(folder, { recursive: true, force: true })
})

function role(...args: readonly string[]): RoleProcess {
  const one = startRole(args, env)
  started.push(one)
  return one
}

const run = (...args: readonly string[]) => healstream([...args, '-o', 'json'], { env })
async function json(...args: readonly string[]) {
  const { code, stdout, stderr } = await run(...args)
  if (stdout === '') throw new Error(`${args.join(' ')} ended with ${code}: ${stderr}`)
  return JSON.parse(stdout)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** Processes of an instance, by what its agent tells it. */
function pidsOf(instance: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const environ = readFileSync(`/proc/${pid}/environ`, 'latin1')
        return environ.includes(`INSTANCE=${instance}\0`) && environ.includes(folder)
      } catch {
        return false
      }
    })
}

describe('set-up', () => {
  test('plan tells what is missing and makes nothing; neither does a dry run', async () => {
    const plan = await run('topics', 'plan', '--partitions', '3')
    expect(plan.code).toBe(1)
    expect(JSON.parse(plan.stdout)).toMatchObject({ genesis: false, brokers: 1, partitions: 3 })
    expect(JSON.parse(plan.stdout).create).toHaveLength(21)
    const dry = await json('init', '--dry-run', '--partitions', '3')
    expect(dry.create).toEqual(JSON.parse(plan.stdout).create)
    expect((await run('topics', 'plan', '--partitions', '3')).stdout).toEqual(plan.stdout)
  })

  test('a role before init ends with 2 and says what to run', async () => {
    const early = role('worker')
    expect(await early.ended).toEqual({ code: 2 })
    expect(early.stderr()).toMatch(/HS_NO_GENESIS: .*\nRun `healstream init` once/)
  })

  test('init makes topics and journals once', async () => {
    expect(await json('init', '--dev', '--partitions', '3')).toMatchObject({
      cluster_id: kafka.clusterId,
      created: true,
      journals_begun: 4,
      topics_created: expect.objectContaining({ length: 21 }),
    })
    expect(await json('init')).toMatchObject({ created: false, journals_found: 4 })
    const plan = await run('topics', 'plan')
    expect([plan.code, JSON.parse(plan.stdout)]).toMatchObject([0, { create: [], differs: [] }])
    const other = await run('init', '--partitions', '4')
    expect([other.code, other.stderr]).toEqual([2, expect.stringContaining('has 3 partitions')])
  })

  test('check finds a setting that was changed, and that it was put right', async () => {
    const operator = await Operator.connect(kafka.brokers)
    const topic = `${prefix}telemetry`
    const config = {
      'message.timestamp.type': 'LogAppendTime',
      'cleanup.policy': 'delete',
      'retention.ms': '604800000',
      'max.message.bytes': '65536',
      'compression.type': 'uncompressed',
    }
    try {
      await operator.configure(topic, { ...config, 'message.timestamp.type': 'CreateTime' })
      await vi.waitFor(async () => expect((await run('topics', 'check')).code).toBe(1), 10_000)
      const { findings } = await json('topics', 'check')
      expect(findings).toContainEqual(
        expect.objectContaining({
          topic,
          state: 'differs',
          field: 'message.timestamp.type',
          found: 'CreateTime',
          expected: 'LogAppendTime',
        }),
      )
      const { code, stdout } = await run('topics', 'plan')
      expect([code, JSON.parse(stdout).differs]).toMatchObject([1, { length: 1 }])
      await operator.configure(topic, config)
      await vi.waitFor(async () => expect((await run('topics', 'check')).code).toBe(0), 10_000)
    } finally {
      await operator.close()
    }
  })
})

const POLICY = `
apiVersion: healstream.io/v1
kind: HealPolicy
metadata: { name: restart-dead }
spec:
  match: { services: [greeter] }
  mode: enforce
  trigger: 'health == "unhealthy"'
  action: restart_instance
`

/** The example as it stands, but on free ports and with a folder of the test. */
async function exampleAgent(): Promise<string> {
  let text = readFileSync(join(EXAMPLES, 'agent.yaml'), 'utf8')
  for (const port of ['18101', '18102']) text = text.replaceAll(port, String(await freePort()))
  const file = join(folder, 'agent.yaml')
  writeFileSync(
    file,
    text.replaceAll('service.mjs', join(EXAMPLES, 'service.mjs')).replace('../.healstream', '.'),
  )
  return file
}

test('a fault is healed by worker, agent and log, and read through the projector', async () => {
  const worker = role('worker')
  const projector = role('projector')
  const agent = role('agent', '--config', await exampleAgent())
  const urls = await Promise.all([worker.url(), projector.url(), agent.url()])
  for (const url of urls)
    await vi.waitFor(async () => expect((await fetch(`${url}/readyz`)).status).toBe(200), 30_000)
  for (const url of urls)
    expect(await (await fetch(`${url}/metrics`)).text()).toContain('healstream_build_info')
  const policy = join(folder, 'policy.yaml')
  writeFileSync(policy, POLICY)
  expect(await json('policy', 'apply', policy)).toMatchObject([{ outcome: 'created' }])
  const health = async () =>
    (await json('get', 'instances')).map((one: { health: string }) => one.health)
  await vi.waitFor(async () => expect(await health()).toEqual(['healthy', 'healthy']), 30_000)
  const [victim = 0] = pidsOf('greeter-1')
  process.kill(victim, 'SIGKILL')
  await vi.waitFor(
    async () =>
      expect(await json('get', 'incidents')).toMatchObject([
        { service: 'greeter', instance: 'greeter-1', state: 'recovered' },
      ]),
    { timeout: 45_000, interval: 500 },
  )
  expect(pidsOf('greeter-1')).toHaveLength(1)
  expect(pidsOf('greeter-1')).not.toEqual([victim])
  expect(await json('get', 'commands')).toHaveLength(1)
  expect(await json('explain', 'incident', 'latest')).toMatchObject({ open: false })
  expect((await run('journal', 'verify')).code).toBe(0)
  for (const one of [agent, projector, worker]) {
    const { code, ms } = await one.end()
    expect([code, ms < 6_000]).toEqual([0, true])
  }
  expect([...pidsOf('greeter-1'), ...pidsOf('greeter-2')]).toEqual([])
  expect(readdirSync(join(folder, 'healstream'), { recursive: true })).toEqual(['workers'])
  expect(worker.stderr()).toContain('"event":"process_stopping"')
  for (const line of worker.stderr().trim().split('\n'))
    expect(JSON.parse(line)).toBeTypeOf('object')
})

describe('ends', () => {
  // Workers that ended when brokers were away came back in crash loops, and were held back by
  // whoever started them when the brokers were there again.
  test('brokers that are not there are waited for: it lives, and is not ready', async () => {
    await nowhere.says('asking again')
    const ask = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${awayPort}${path}`)
    expect((await ask('/livez')).status).toBe(200)
    const ready = await ask('/readyz')
    expect([ready.status, await ready.text()]).toEqual([503, expect.stringContaining('brokers: ')])
    const { code, ms } = await nowhere.end()
    expect([code, ms < 2_000]).toEqual([130, true])
  })

  test('a signal while brokers do not answer yet ends the start at once', async () => {
    const lost = role('worker', '--brokers', '127.0.0.1:9')
    await lost.says('asking again')
    const { code, ms } = await lost.end()
    expect([code, ms < 2_000]).toEqual([130, true])
  })

  // Last: the broker hangs from here on.
  test('SIGTERM ends worker and projector within 5 s although the broker hangs', async () => {
    const both = [role('worker'), role('projector')]
    for (const one of both) {
      const url = await one.url()
      await vi.waitFor(async () => expect((await fetch(`${url}/readyz`)).status).toBe(200), 30_000)
    }
    kafka.pause(1)
    try {
      const ends = await Promise.all(both.map((one) => one.end()))
      expect(ends.map(({ code, ms }) => [code, ms < 6_000])).toEqual([
        [0, true],
        [0, true],
      ])
    } finally {
      kafka.resume(1)
    }
  })
})
