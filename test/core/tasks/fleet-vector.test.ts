// What a service task tells the fleet task of its services, by the real core.
import { expect, test } from 'vitest'
import { CoreDriver } from '../../support/core-driver.ts'
import { heartbeat, probe, processEvent, serviceEvent } from '../../support/records.ts'

async function shop(behaviour: number): Promise<CoreDriver> {
  const driver = await CoreDriver.create({ behaviour })
  for (const instance of ['shop-1', 'shop-2', 'shop-3']) {
    const atMs = driver.nowMs
    driver.serviceEvent(serviceEvent({ instance, atMs, version: 1 }))
    driver.signal(probe({ instance, atMs, verdict: 'up' }))
  }
  driver.step()
  return driver
}

test('counts by health, the oldest deviation, agents with when they were heard', async () => {
  const driver = await shop(2)
  const [first] = driver.bodies('observations')
  expect(first).toMatchObject({
    task: 's0',
    gen: 0,
    stock: 0,
    services: [{ service: 'shop', instances: 3, healthy: 3, routable: 3, onset_ms: null }],
  })
  expect(first?.reporters.map(({ agent }) => agent)).toEqual([
    'agent-of-shop-1',
    'agent-of-shop-2',
    'agent-of-shop-3',
  ])
  driver.wait(1_000)
  const atMs = driver.nowMs
  driver.signal(heartbeat({ instance: 'shop-1', atMs }))
  driver.signal(processEvent({ instance: 'shop-2', atMs, event: 'exited', by: 'SIGKILL' }))
  driver.step()
  const last = driver.bodies('observations').at(-1)
  expect(last).toMatchObject({
    services: [{ healthy: 2, unhealthy: 1, routable: 2, onset_ms: atMs }],
    reporters: [{ last_ms: atMs }, { last_ms: atMs }, { last_ms: atMs - 1_000 }],
  })
})

test('nothing by behaviour 1, and nothing while behind', async () => {
  expect((await shop(1)).bodies('observations')).toEqual([])
  const driver = await CoreDriver.create({ behaviour: 2 })
  driver.step({ behind: true })
  expect(driver.bodies('observations')).toEqual([])
})
