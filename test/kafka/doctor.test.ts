// `healstream doctor` on real brokers: what is well, and each thing that is made wrong on purpose.
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKafkaLog } from '../../src/adapters/kafka/kafka-log.ts'
import { DEFAULT_PREFIX, TOPICS, topicName } from '../../src/contracts/topics.ts'
import { examine } from '../../src/roles/doctor/doctor.ts'
import type { Finding } from '../../src/roles/doctor/finding.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { topicSetups } from '../../src/runtime/init.ts'
import type { Clock, TopicSetup } from '../../src/runtime/ports.ts'
import { healstream } from '../cli/command.ts'
import { startKafka, type TestKafka } from '../support/kafka/cluster.ts'

let kafka: TestKafka
let odd: TestKafka
const DEAD = '127.0.0.1:9'

beforeAll(async () => {
  kafka = await startKafka({ nodes: 1 })
  odd = await startKafka({
    nodes: 1,
    advertise: 'kafka-1.invalid:9092',
    set: { 'auto.create.topics.enable': 'true', 'group.min.session.timeout.ms': '20000' },
  })
})
afterAll(async () => {
  await kafka?.stop()
  await odd?.stop()
})

const env = { HOME: '/nonexistent' }
const freshPrefix = (): string => `d${randomBytes(4).toString('hex')}.`

function look(brokers: readonly string[], prefix: string, clock: Clock = systemClock) {
  return examine({
    kafka: { brokers, clock },
    prefix,
    group: 'healstream',
    role: null,
    registry: null,
    nodeVersion: process.versions.node,
  })
}

async function findings(prefix: string, check: string, clock?: Clock): Promise<readonly Finding[]> {
  const { findings: all } = await look(kafka.brokers, prefix, clock)
  return all.filter((one) => one.check === check)
}

async function made(prefix: string, change: (setup: TopicSetup) => TopicSetup): Promise<void> {
  const log = createKafkaLog({ brokers: kafka.brokers, clock: systemClock })
  await log.admin().createTopics(topicSetups(prefix, 1).map(change))
  await log.close()
}

describe('a cluster that was set up', () => {
  test('is fine, and the exit code says so', async () => {
    const prefix = freshPrefix()
    const where = ['--brokers', kafka.brokers.join(','), '--prefix', prefix]
    const before = await healstream(['doctor', ...where], { env })
    expect(before.code).toBe(1)
    expect(before.stdout).toMatch(/fail +topics +missing: /)
    await made(prefix, (setup) => setup)
    const after = await healstream(['doctor', ...where, '-o', 'json'], { env })
    expect(after.code).toBe(0)
    const { findings: all } = JSON.parse(after.stdout)
    expect(all.filter((one: Finding) => one.level === 'fail')).toEqual([])
    const checks = new Set(all.map((one: Finding) => one.check))
    expect([...checks]).toEqual([
      'node',
      'brokers',
      'cluster',
      'listeners',
      'versions',
      'topics',
      'settings',
      'clock',
    ])
  })

  test('with topics set otherwise is told what to change', async () => {
    const prefix = freshPrefix()
    await made(prefix, (setup) =>
      setup.topic === `${prefix}journal`
        ? { ...setup, config: { ...setup.config, 'retention.ms': '3600000' } }
        : setup,
    )
    const finding = (await findings(prefix, 'topics')).find(({ level }) => level === 'fail')
    expect(finding?.found).toContain(`retention.ms is 3600000, not 604800000`)
    expect(finding?.fix).toContain('Set retention.ms of these topics to 604800000')
  })

  test('with one topic missing is told which', async () => {
    const prefix = freshPrefix()
    await made(prefix, (setup) => setup)
    const log = createKafkaLog({ brokers: kafka.brokers, clock: systemClock })
    await log.admin().deleteTopics([`${prefix}signals`])
    await log.close()
    const [finding] = await findings(prefix, 'topics')
    expect(finding).toMatchObject({ level: 'fail', found: `missing: ${prefix}signals` })
  })

  test.each([
    [-5_000, /clock is \d+ ms behind the brokers/],
    [5_000, /clock is \d+ ms ahead of the brokers/],
  ])('a clock that is %d ms off is seen', async (offMs, words) => {
    const clock = { ...systemClock, nowMs: () => Date.now() + offMs }
    const [finding] = await findings(DEFAULT_PREFIX, 'clock', clock)
    expect(finding).toMatchObject({ level: 'fail' })
    expect(finding?.found).toMatch(words)
  })
})

describe('brokers that cannot be used', () => {
  // F28. The broker answers at its first address and names another one, which exists only inside
  // its own network; a client without this check waits for ever without a word.
  test('advertise an address that is named, with what to set', async () => {
    const ran = await healstream(['doctor', '--brokers', odd.brokers.join(',')], { env })
    expect(ran.code).toBe(1)
    expect(ran.stdout).toMatch(
      /fail +listeners +broker 1 advertises kafka-1\.invalid:9092, which cannot be reached from/,
    )
    expect(ran.stdout).toContain(`advertised.listeners=NAME://${odd.brokers[0]}`)
  })

  test('do not answer: exit code 3', async () => {
    const ran = await healstream(['doctor', '--brokers', DEAD], { env })
    expect(ran.code).toBe(3)
    expect(ran.stdout).toMatch(/fail +brokers +127\.0\.0\.1:9 does not answer: nothing listens/)
  })

  test('are only warned about while another one answers', async () => {
    const { findings: all, isReached } = await look([DEAD, ...kafka.brokers], freshPrefix())
    expect(isReached).toBe(true)
    const levels = all.filter(({ check }) => check === 'brokers').map(({ level }) => level)
    expect(levels).toEqual(['warn', 'ok'])
  })
})

test('every topic of the table is looked at', async () => {
  const [finding] = await findings(freshPrefix(), 'topics')
  expect(TOPICS.every(({ kind }) => finding?.found.includes(topicName(kind, '')))).toBe(true)
})
