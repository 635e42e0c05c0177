// What scripts can say about who exists: registrations that are stale, late, many at once, and
// instances that come and go.
import { heartbeat, processEvent, serviceEvent } from '../support/records.ts'
import type { SimInstance } from './instance.ts'
import type { World } from './world.ts'

type Words = readonly string[]

/** Far above what instances number their own events with. */
const VERSION = 1_000

function find(world: World, name: string | undefined): SimInstance {
  const one = world.instances.get(name ?? '')
  if (one === undefined) throw new Error(`there is no instance ${name}`)
  return one
}

function event(world: World, one: SimInstance, words: object): void {
  const { service, instance, incarnation } = one
  const agent = `agent-of-${instance}`
  const atMs = world.driver.nowMs
  world.driver.serviceEvent(serviceEvent({ service, instance, incarnation, agent, atMs, ...words }))
}

/** It ends and begins anew, so often, half of the time each. */
function comesAndGoes(world: World, [name, times = '1', seconds = '1']: Words): void {
  const one = find(world, name)
  for (let i = 0; i < Number(times); i++) {
    const atMs = i * Number(seconds) * 1_000
    world.in(atMs, () => {
      event(world, one, { action: 'deregister', version: VERSION })
      one.process = 'down'
    })
    world.in(atMs + Number(seconds) * 500, () => {
      one.incarnation += 1
      one.process = 'up'
      event(world, one, {})
    })
  }
}

/** It restarts on its own and registers only when it is ready. */
function startsAnew(world: World, [name, seconds = '1']: Words): void {
  const one = find(world, name)
  one.incarnation += 1
  const { service, instance, incarnation } = one
  const agent = `agent-of-${instance}`
  const atMs = world.driver.nowMs
  const rate = one.rate
  one.rate = 0
  const started = { service, instance, incarnation, agent, atMs, event: 'started' } as const
  world.driver.signal(processEvent(started))
  world.in(Number(seconds) * 1_000, () => {
    one.rate = rate
    event(world, one, {})
  })
}

function reachesNobody(world: World, [name]: Words): void {
  const { service, instance, incarnation } = find(world, name)
  for (let i = 0; i < 3; i++) {
    world.in(i * 1_000, () => {
      const atMs = world.driver.nowMs
      const agent = `agent-of-${instance}`
      const signal = heartbeat({ service, instance, incarnation, agent, atMs })
      const beat = signal.heartbeat === null ? null : { ...signal.heartbeat, peers: 0 }
      world.driver.signal({ ...signal, heartbeat: beat })
    })
  }
}

function registerAtOnce(world: World, [count = '1', service = '']: Words): void {
  for (let i = 1; i <= Number(count); i++) {
    const instance = `${service}-${i}`
    const agent = `agent-of-${instance}`
    const atMs = world.driver.nowMs
    world.driver.serviceEvent(serviceEvent({ service, instance, agent, atMs }))
  }
}

export const REGISTRY_PHRASES: readonly (readonly [
  RegExp,
  (world: World, words: Words) => void,
])[] = [
  [/^(\S+) comes and goes (\d+) times, every (\d+) s$/, comesAndGoes],
  [/^(\S+) starts anew and is ready after (\d+) s$/, startsAnew],
  [/^the agent of (\S+) reaches nobody$/, reachesNobody],
  [/^(\d+) instances of (\S+) register at once$/, registerAtOnce],
  [
    /^(\S+) is drained$/,
    (world, [name]) => event(world, find(world, name), { action: 'drain', version: VERSION }),
  ],
  [
    /^(\S+) is not ready any more$/,
    (world, [name]) => {
      event(world, find(world, name), { action: 'renew', lifecycle: 'standby', version: VERSION })
    },
  ],
  [
    /^a deregistration of the life of (\S+) before arrives$/,
    (world, [name]) => {
      const one = find(world, name)
      const incarnation = one.incarnation - 1
      event(world, one, { action: 'deregister', incarnation, version: VERSION })
    },
  ],
  [
    /^an older event of (\S+) arrives late$/,
    (world, [name]) => event(world, find(world, name), { action: 'drain', version: 0 }),
  ],
  [
    /^somebody renews (\S+)$/,
    (world, [name]) => {
      event(world, find(world, name), { action: 'renew', version: VERSION + 1, agent: 'somebody' })
    },
  ],
]
