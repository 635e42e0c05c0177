// S0-55 whole: a process grows by 10 MiB a minute, is diagnosed within five minutes, all of its
// service are restarted one at a time, and a webhook is told; one that collects its garbage is no
// leak. The task is in virtual time, the notifier and the webhook are real.
import { expect, test } from 'vitest'
import { parseScript } from '../../src/roles/scenario/script.ts'
import { Receiver } from '../roles/notifier/receiver.ts'
import { Rig } from '../roles/notifier/rig.ts'
import { START_MS, testSerde } from '../support/core-driver.ts'
import { run } from './scripts.ts'

const RESTART = '{action: restart_instance}'
const NOTIFY = '{action: notify, args: {to: sre}}'
const SCRIPT = `# a leak
from behaviour 3 on
must-act on shop-1, shop-2, shop-3
service shop with 3 instances
guards: serviceIntervalMs 5s
plan leak: "memory_leak" in notes => [{rolling: true, steps: [${RESTART}, ${NOTIFY}]}]
at 10s shop-1 grows by 10 MiB a minute
at 10s shop-2 grows by 40 MiB a minute and collects every 40s
at 10s shop-3 grows by 0 MiB a minute
end at 268s
`

test('S0-55: diagnosed, restarted one at a time, and told', { timeout: 60_000 }, async () => {
  const { driver } = run(parseScript(SCRIPT), await testSerde())
  const health = driver.bodies('health').filter(({ instance }) => instance !== null)
  const leaking = health.find(({ signals }) => signals.includes('memory_leak'))
  expect(leaking?.instance).toBe('shop-1')
  expect((leaking?.at_ms ?? 0) - START_MS).toBeLessThanOrEqual(310_000)
  expect(
    health.filter(({ instance, signals }) => {
      return instance !== 'shop-1' && signals.includes('memory_leak')
    }),
  ).toEqual([])

  // Never more than one of three is out.
  const out = new Set<string>()
  let most = 0
  for (const { instance, routable } of health) {
    if (routable) out.delete(String(instance))
    else out.add(String(instance))
    most = Math.max(most, out.size)
  }
  expect(most).toBe(1)
  const commands = driver
    .bodies('commands')
    .map(({ action, target }) => `${action} ${target.instance}`)
  expect(commands).toEqual(['restart shop-1', 'restart shop-2', 'restart shop-3'])

  const rig = await Rig.open()
  const receiver = new Receiver()
  const url = await receiver.start()
  try {
    const sre = { name: 'sre', kind: 'webhook' as const, url, timeout: 500, groupWait: 20 }
    rig.start({ sinks: [sre], routes: { sre: ['sre'] } })
    await rig.tell(driver.bodies('alerts'))
    const told = (): readonly string[] =>
      receiver.taken
        .flatMap(({ body }) => body.alerts ?? [])
        .filter(({ state }) => state === 'firing')
        .map(({ incident_id: id, title }) => `${id} ${title}`)
    const incident = driver.bodies('incidents').find(({ event }) => event === 'commanded')
    const expected = ['shop-1', 'shop-2', 'shop-3'].map((name) => {
      return `${incident?.incident_id} a plan wants you to know: shop/${name}`
    })
    await expect.poll(() => told().toSorted(), { timeout: 15_000, interval: 20 }).toEqual(expected)
  } finally {
    await rig.close()
    await receiver.stop()
  }
})
