// The demo on real Kafka takes its topics away however it is ended. That it heals there is the
// section `demo-kafka`.
import kafkajs, { type Admin } from 'kafkajs'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { healstream } from '../cli/command.ts'
import { type Demo, startDemo } from '../demo/process.ts'
import { isFull } from '../support/full.ts'
import { startKafka, type TestKafka } from '../support/kafka/cluster.ts'

let kafka: TestKafka
let admin: Admin
const started: Demo[] = []
beforeAll(async () => {
  kafka = await startKafka({ nodes: 1, own: true })
  const { NOTHING } = kafkajs.logLevel
  admin = new kafkajs.Kafka({ brokers: [...kafka.brokers], logLevel: NOTHING }).admin()
  await admin.connect()
})
afterAll(async () => {
  for (const demo of started) demo.dispose()
  await admin.disconnect()
  kafka.resume(1)
  await kafka.stop()
})

function start(...args: readonly string[]): Demo {
  const demo = startDemo(['--headless', '--brokers', kafka.brokers.join(','), ...args])
  started.push(demo)
  return demo
}

/** Topics under the prefixes that these demos named. */
async function topicsLeft(...demos: readonly Demo[]): Promise<readonly string[]> {
  const prefixes = demos.map((demo) => /topics (hs-demo-\w+[.])/.exec(demo.stderr())?.[1] ?? '')
  expect(prefixes).not.toContain('')
  const topics = await admin.listTopics()
  return topics.filter((topic) => prefixes.some((prefix) => topic.startsWith(prefix)))
}

test.concurrent('two on one cluster do not meet; each waits for a genesis of its own', async () => {
  const [one, other] = [start('--no-init'), start('--no-init')]
  await Promise.all([one.says('npx healstream init'), other.says('npx healstream init')])
  expect((await healstream(['init'], { env: one.env })).code).toBe(0)
  await one.says('genesis found')
  expect(other.stderr()).not.toContain('genesis found')
  one.child.kill('SIGINT')
  other.child.kill('SIGINT')
  await Promise.all([one.ended, other.ended])
  await vi.waitFor(async () => expect(await topicsLeft(one, other)).toEqual([]), 5_000)
})

test.concurrent.each(['endpoint ', 'six processes run'])(
  'Ctrl-C at "%s" takes all away',
  async (moment) => {
    const demo = start()
    await demo.says(moment)
    const at = performance.now()
    demo.child.kill('SIGINT')
    expect((await demo.ended).code).toBe(130)
    expect(performance.now() - at).toBeLessThan(7_000)
    await vi.waitFor(() => expect(demo.left()).toEqual([]), 5_000)
    await vi.waitFor(async () => expect(await topicsLeft(demo)).toEqual([]), 5_000)
  },
)

if (isFull)
  test.concurrent.each(['crash', 'human-intervention'])(
    'scenario %s ends as it must on real brokers, and its topics go with it',
    async (name) => {
      const demo = start('--scenario', name)
      expect(await demo.ended).toEqual({ code: 0, signal: null })
      const verdict = JSON.parse(demo.stdout())
      expect(verdict).toMatchObject({ scenario: name, log: 'kafka', asExpected: true })
      expect(verdict.incidents).toBe(1)
      await vi.waitFor(() => expect(demo.left()).toEqual([]), 5_000)
      await vi.waitFor(async () => expect(await topicsLeft(demo)).toEqual([]), 5_000)
    },
  )

if (isFull)
  test.concurrent('brokers that are not there: 3 and a sentence', async () => {
    const demo = startDemo(['--headless', '--brokers', '127.0.0.1:9'])
    started.push(demo)
    expect(await demo.ended).toEqual({ code: 3, signal: null })
    expect(demo.stderr()).toMatch(/HS_LOG: UNAVAILABLE: /)
    expect(demo.left()).toEqual([])
  })

// Last: the broker hangs from here on.
test('Ctrl-C while the broker hangs ends it all the same', async () => {
  const demo = start()
  await demo.says('six processes run')
  kafka.pause(1)
  try {
    const at = performance.now()
    demo.child.kill('SIGINT')
    expect((await demo.ended).code).toBe(130)
    expect(performance.now() - at).toBeLessThan(7_000)
    await vi.waitFor(() => expect(demo.left()).toEqual([]), 5_000)
  } finally {
    kafka.resume(1)
  }
})
