// What scripts can say about who exists: registrations that are stale, late, many at once, and
// instances that come and go.
import { heartbeat, processEvent, serviceEvent } from './records.ts'
import type { SimInstance } from './instance.ts'
import type { Stage } from './stage.ts'

type Words = readonly string[]

/** Far above what instances number their own events with. */
const VERSION = 1_000

function find(stage: Stage, name: string | undefined): SimInstance {
  const one = stage.instances.get(name ?? '')
  if (one === undefined) throw new Error(`there is no instance ${name}`)
  return one
}

function event(stage: Stage, one: SimInstance, words: object): void {
  const { service, instance, incarnation } = one
  const agent = `agent-of-${instance}`
  const atMs = stage.driver.nowMs
  stage.driver.serviceEvent(serviceEvent({ service, instance, incarnation, agent, atMs, ...words }))
}

/** It ends and begins anew, so often, half of the time each. */
function comesAndGoes(stage: Stage, [name, times = '1', seconds = '1']: Words): void {
  const one = find(stage, name)
  for (let i = 0; i < Number(times); i++) {
    const atMs = i * Number(seconds) * 1_000
    stage.in(atMs, () => {
      event(stage, one, { action: 'deregister', version: VERSION })
      one.process = 'down'
    })
    stage.in(atMs + Number(seconds) * 500, () => {
      one.incarnation += 1
      one.process = 'up'
      event(stage, one, {})
    })
  }
}

/** It restarts on its own and registers only when it is ready. */
function startsAnew(stage: Stage, [name, seconds = '1']: Words): void {
  const one = find(stage, name)
  one.incarnation += 1
  const { service, instance, incarnation } = one
  const agent = `agent-of-${instance}`
  const atMs = stage.driver.nowMs
  const rate = one.rate
  one.rate = 0
  const started = { service, instance, incarnation, agent, atMs, event: 'started' } as const
  stage.driver.signal(processEvent(started))
  stage.in(Number(seconds) * 1_000, () => {
    one.rate = rate
    event(stage, one, {})
  })
}

function reachesNobody(stage: Stage, [name]: Words): void {
  const { service, instance, incarnation } = find(stage, name)
  for (let i = 0; i < 3; i++) {
    stage.in(i * 1_000, () => {
      const atMs = stage.driver.nowMs
      const agent = `agent-of-${instance}`
      const signal = heartbeat({ service, instance, incarnation, agent, atMs })
      const beat = signal.heartbeat === null ? null : { ...signal.heartbeat, peers: 0 }
      stage.driver.signal({ ...signal, heartbeat: beat })
    })
  }
}

function registerAtOnce(stage: Stage, [count = '1', service = '']: Words): void {
  for (let i = 1; i <= Number(count); i++) {
    const instance = `${service}-${i}`
    const agent = `agent-of-${instance}`
    const atMs = stage.driver.nowMs
    stage.driver.serviceEvent(serviceEvent({ service, instance, agent, atMs }))
  }
}

export const REGISTRY_PHRASES: readonly (readonly [
  RegExp,
  (stage: Stage, words: Words) => void,
])[] = [
  [/^(\S+) comes and goes (\d+) times, every (\d+) s$/, comesAndGoes],
  [/^(\S+) starts anew and is ready after (\d+) s$/, startsAnew],
  [/^the agent of (\S+) reaches nobody$/, reachesNobody],
  [/^(\d+) instances of (\S+) register at once$/, registerAtOnce],
  [
    /^(\S+) is drained$/,
    (stage, [name]) => event(stage, find(stage, name), { action: 'drain', version: VERSION }),
  ],
  [
    /^(\S+) is not ready any more$/,
    (stage, [name]) => {
      event(stage, find(stage, name), { action: 'renew', lifecycle: 'standby', version: VERSION })
    },
  ],
  [
    /^a deregistration of the life of (\S+) before arrives$/,
    (stage, [name]) => {
      const one = find(stage, name)
      const incarnation = one.incarnation - 1
      event(stage, one, { action: 'deregister', incarnation, version: VERSION })
    },
  ],
  [
    /^an older event of (\S+) arrives late$/,
    (stage, [name]) => event(stage, find(stage, name), { action: 'drain', version: 0 }),
  ],
  [
    /^somebody renews (\S+)$/,
    (stage, [name]) => {
      event(stage, find(stage, name), { action: 'renew', version: VERSION + 1, agent: 'somebody' })
    },
  ],
]
