// Alerts out of a service task: from behaviour 3 on, over an image, and never before.
import { describe, expect, test } from 'vitest'
import { BEHAVIOUR_JUDGEMENT, BEHAVIOUR_WINDOWS } from '../../../src/core/kernel/behaviour.ts'
import { CoreDriver, testSerde } from '../../support/core-driver.ts'
import { delta, policy, probe, processEvent, serviceEvent } from '../../support/records.ts'
import { alertRule } from '../alert/policies.ts'

const serde = await testSerde()

function started(behaviour: number): CoreDriver {
  const driver = new CoreDriver(serde, { behaviour })
  for (const instance of ['shop-1', 'shop-2'])
    driver.serviceEvent(serviceEvent({ atMs: driver.nowMs, instance }))
  driver.step()
  for (const instance of ['shop-1', 'shop-2'])
    driver.signal(probe({ atMs: driver.nowMs, verdict: 'up', instance }))
  driver.step()
  return driver
}

const alerts = (driver: CoreDriver): readonly string[] =>
  driver.bodies('alerts').map(({ rule, tier, state }) => `${rule} ${tier} ${state}`)

describe('an incident', () => {
  test('opens a ticket, also after the image was taken and read', () => {
    const driver = started(BEHAVIOUR_JUDGEMENT)
    driver.signal(processEvent({ atMs: driver.nowMs, event: 'exited', by: 'SIGKILL' }))
    driver.step()
    expect(alerts(driver)).toEqual(['IncidentOpen medium firing'])
    const [first] = driver.bodies('alerts')
    const [opened] = driver.bodies('incidents')
    expect(first?.incident_id).toBe(opened?.incident_id)
    driver.reload()
    // Told again when its time has come, and not before.
    driver.wait(299_000)
    driver.step()
    const open = (): unknown[] =>
      driver.bodies('alerts').filter(({ rule }) => rule === 'IncidentOpen')
    expect(open().length).toBe(1)
    driver.wait(1_000)
    driver.step()
    expect(open().slice(1)).toMatchObject([{ refresh: true, count: 1 }])
  })

  test('says nothing under an earlier behaviour', () => {
    const driver = started(BEHAVIOUR_WINDOWS)
    driver.signal(processEvent({ atMs: driver.nowMs, event: 'exited', by: 'SIGKILL' }))
    driver.step()
    expect(alerts(driver)).toEqual([])
  })
})

describe('a rule on what is counted', () => {
  test('is judged with every request, by a policy of hs.policies', () => {
    const driver = started(BEHAVIOUR_JUDGEMENT)
    const document = alertRule('busy', 'requests > 4')
    driver.policy(policy({ kind: 'AlertPolicy', name: 'busy', document }))
    driver.step()
    for (let second = 0; second < 3; second++) {
      driver.telemetry(delta({ atMs: driver.nowMs, ok: 2 }))
      driver.wait(1_000)
      driver.step()
    }
    expect(alerts(driver)).toEqual(['busy medium firing'])
  })
})

describe('a rule on what an instance tells of itself', () => {
  test('S2-44 in a task: CPU over its limit fires, back below it is over', () => {
    const driver = started(BEHAVIOUR_JUDGEMENT)
    const document = alertRule('HighCPUUsage', 'instance_cpu_time_percent > 80')
    driver.policy(policy({ kind: 'AlertPolicy', name: 'HighCPUUsage', document }))
    driver.step()
    const tell = (cores: number): void => {
      const cpu = { n: 1, sum: cores, max: cores }
      const none = { rss: null, fds: null, run_queue_wait: null, event_loop_delay: null }
      const gauges = { cpu, ...none, rtt: null, loss: null }
      driver.telemetry({ ...delta({ atMs: driver.nowMs, ok: 2 }), gauges })
      driver.wait(1_000)
      driver.step()
    }
    for (const cores of [0.3, 0.95, 0.95, 0.2]) tell(cores)
    expect(alerts(driver)).toEqual(['HighCPUUsage medium firing', 'HighCPUUsage medium resolved'])
    expect(driver.bodies('alerts')[0]?.summary).toContain('instance_cpu_time_percent is 95')
  })
})
