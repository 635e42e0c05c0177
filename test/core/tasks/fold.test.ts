// Where records go: edges apart from their callee, agents heard although their instance is not
// theirs to speak of.
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Serde } from '../../../src/adapters/serde/serde.ts'
import { encodeUtf8 } from '../../../src/contracts/utf8.ts'
import { fold } from '../../../src/core/tasks/fold.ts'
import { ServiceState } from '../../../src/core/tasks/service-state.ts'
import { CoreDriver, START_MS, testContext, testSerde, viewOf } from '../../support/core-driver.ts'
import { delta, heartbeat, probe, result, serviceEvent } from '../../support/records.ts'

interface NodeChange {
  readonly status: string
  readonly version: number
}

let serde: Serde
let seq = 0
beforeAll(async () => {
  serde = await testSerde()
})

function state(): ServiceState {
  const made = new ServiceState(testContext(serde))
  made.advance(START_MS)
  return made
}

function fed(made: ServiceState, ...records: Parameters<typeof serde.encode>[]): ServiceState {
  for (const [topic, record] of records) {
    seq += 1
    const value = serde.encode(topic, { ...record, seq })
    fold(
      made,
      topic,
      viewOf({ offset: seq, timestampMs: START_MS, key: encodeUtf8('shop'), value }),
    )
  }
  return made
}

test('what a caller saw is kept apart from what the callee says of itself', () => {
  const caller = { service: 'web', instance: 'web-1' }
  const seen = delta({ atMs: START_MS, failed: 9, ok: 1, caller, agent: 'agent-web' })
  const made = fed(state(), ['telemetry', seen])
  expect(made.windows.service('shop').n).toBe(0)
  expect(made.windows.edgesInto('shop')).toMatchObject([{ figures: { n: 10, errors: 9 } }])
  expect(made.registry.serviceNames()).toEqual([])
  expect(made.sources.isAlive('agent-web', START_MS)).toBe(true)
})

test('a remote probe does not count as hearing the instance or its agent', () => {
  const made = fed(
    state(),
    ['service-events', serviceEvent({ atMs: START_MS, agent: 'own' })],
    ['signals', probe({ atMs: START_MS, verdict: 'down', local: false, agent: 'far' })],
  )
  expect(made.find('shop', 'shop-1')?.vital.probe).toMatchObject({ verdict: 'down', local: false })
  expect(made.registry.find('shop', 'shop-1')).toMatchObject({ agent: 'own' })
  expect(made.sources.isAlive('far', START_MS)).toBe(true)
})

test('a result makes its agent heard', () => {
  const made = fed(state(), ['results', result({ commandId: 'c-1', agent: 'own' })])
  expect(made.sources.isAlive('own', START_MS)).toBe(true)
})

test('topics that are not used yet are read over', () => {
  const view = viewOf({ offset: 0, timestampMs: START_MS, key: null, value: new Uint8Array([1]) })
  const made = state()
  fold(made, 'fleet', view)
  fold(made, 'remote', view)
  expect(made.admission.takeLetters()).toEqual([])
})

describe('service events', () => {
  test('a stale one is refused with its bytes and a reason', () => {
    const driver = new CoreDriver(serde)
    driver.serviceEvent(serviceEvent({ atMs: START_MS, incarnation: 5 }))
    driver.serviceEvent(serviceEvent({ atMs: START_MS, incarnation: 4, action: 'deregister' }))
    driver.step()
    expect(driver.bodies('dlq')).toMatchObject([
      {
        stage: 'fold',
        reason: 'stale_incarnation',
        origin_offset: 1,
        origin_topic: 'service-events',
      },
    ])
    expect(driver.registry('shop', 'shop-1')).toMatchObject({ lifecycle: 'ready' })
  })

  test('the bare four-field JSON of another system is taken (S0-18)', () => {
    const driver = new CoreDriver(serde)
    const json = {
      service_name: 'shop',
      action: 'unhealthy',
      cluster_id: 'c2',
      timestamp: START_MS,
    }
    driver.appendBytes('service-events', encodeUtf8('shop'), encodeUtf8(JSON.stringify(json)))
    driver.step()
    expect(driver.bodies('dlq')).toEqual([])
    expect(driver.registry('shop', null)).toMatchObject({ cluster_id: 'c2', instance: null })
    expect(driver.health('shop', null)).toMatchObject({ health: 'unhealthy', routable: false })
  })

  const tellNode = (driver: CoreDriver, { status, version }: NodeChange): void => {
    const json = JSON.stringify({ node_id: 'shop-1', status, version, cluster_id: 'c2' })
    driver.appendBytes('service-events', encodeUtf8('shop'), encodeUtf8(json))
    driver.step()
  }

  test('changes of a node, shuffled and repeated, end with the highest version (S1-27)', () => {
    const changes = fc.uniqueArray(
      fc.record({ status: fc.constantFrom('UP', 'DOWN'), version: fc.integer({ min: 1, max: 9 }) }),
      { selector: ({ version }) => version, minLength: 1, maxLength: 6 },
    )
    const sent = changes.chain((each) =>
      fc.tuple(
        fc.constant(each),
        fc.shuffledSubarray([...each, ...each], { minLength: each.length * 2 }),
      ),
    )
    fc.assert(
      fc.property(sent, ([each, order]) => {
        const driver = new CoreDriver(serde, { behaviour: 3 })
        for (const change of order) tellNode(driver, change)
        const last = each.reduce((a, b) => (b.version > a.version ? b : a))
        expect(driver.registry('shop', 'shop-1')).toMatchObject({
          lifecycle: last.status === 'UP' ? 'ready' : 'gone',
        })
      }),
      { numRuns: 30 },
    )
  })

  test('logs of older behaviours replay as they were: there it is refused', () => {
    const driver = new CoreDriver(serde, { behaviour: 2 })
    tellNode(driver, { status: 'UP', version: 1 })
    expect(driver.registry('shop', 'shop-1')).toBeUndefined()
    expect(driver.bodies('dlq')).toMatchObject([
      {
        stage: 'decode',
        reason: 'invalid',
        detail: expect.stringMatching(/^node_id: found a field that is not known here; /),
      },
    ])
  })

  test('an announcement about an instance is inferred evidence', () => {
    const driver = new CoreDriver(serde)
    driver.serviceEvent(serviceEvent({ atMs: START_MS }))
    driver.signal(probe({ atMs: START_MS, verdict: 'up' }))
    driver.step()
    driver.serviceEvent(serviceEvent({ atMs: START_MS, version: 2, action: 'unhealthy' }))
    driver.step()
    expect(driver.health('shop', 'shop-1')).toMatchObject({
      health: 'unstable',
      signals: ['announced'],
    })
  })
})

test('sightings of an older incarnation make the agent heard and nothing else', () => {
  const made = fed(
    state(),
    ['service-events', serviceEvent({ atMs: START_MS, incarnation: 2, agent: 'own' })],
    ['signals', probe({ atMs: START_MS, incarnation: 1, verdict: 'down', agent: 'own' })],
    ['signals', heartbeat({ atMs: START_MS, incarnation: 1, agent: 'old' })],
  )
  expect(made.find('shop', 'shop-1')?.vital).toMatchObject({ incarnation: 2, probe: null })
  expect(made.sources.isAlive('old', START_MS)).toBe(true)
})
