// The fold behind every list: newest wins, tombstones remove, results may come before their
// command, bounds hold.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { incidentId, instanceId, serviceId } from '../../../src/contracts/ids.ts'
import type { HealthView } from '../../../src/contracts/records.ts'
import { viewKey } from '../../../src/contracts/view-key.ts'
import { MODEL_LIMITS, ReadModel } from '../../../src/roles/projector/read-model.ts'
import { aCommand, aHealth, anEntry, anEvent, aPolicy, aResult } from './records.ts'

const KEY = viewKey('stock', 'stock-2')
const health = (model: ReadModel, record: HealthView | null, key = KEY) =>
  model.fold({ topic: 'health', partition: 0, key }, record)

test('an instance joins registry and health; raw health and routable are two fields', () => {
  const model = new ReadModel()
  model.fold({ topic: 'registry', partition: 0, key: KEY }, anEntry({ port: 4_711 }))
  expect(model.instances()).toMatchObject([
    { health: 'unknown', routable: false, port: 4_711, n: 0, success_rate: null },
  ])
  health(model, aHealth({ health: 'unhealthy', routable: true, guard: 'panic (0.3 < 0.51)' }))
  expect(model.instances()).toMatchObject([
    {
      instance: 'stock-2',
      health: 'unhealthy',
      routable: true,
      guard: 'panic (0.3 < 0.51)',
      lifecycle: 'ready',
      n: 200,
      success_rate: 0.99,
      p99_us: 4_200,
    },
  ])
})

test('the newest version stands, in whatever order the versions come', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(50), { minLength: 1 }), (versions) => {
      const model = new ReadModel()
      for (const version of versions) health(model, aHealth({ version, reason: `v${version}` }))
      expect(model.instances()[0]?.reason).toBe(`v${Math.max(...versions)}`)
    }),
  )
})

test('a tombstone removes the view', () => {
  const model = new ReadModel()
  health(model, aHealth())
  health(model, null)
  expect(model.instances()).toEqual([])
})

test('a service counts its instances by raw health and takes its windows from its own view', () => {
  const model = new ReadModel()
  const states = ['healthy', 'unhealthy', 'unstable', 'unknown'] as const
  for (const [i, state] of states.entries()) {
    const instance = instanceId(`stock-${i}`)
    const view = aHealth({ instance, health: state, routable: state === 'healthy' })
    health(model, view, viewKey('stock', instance))
  }
  health(model, aHealth({ instance: null, health: 'unstable' }), viewKey('stock', null))
  expect(model.services()).toMatchObject([
    {
      service: 'stock',
      health: 'unstable',
      instances: 4,
      healthy: 1,
      unstable: 1,
      unhealthy: 1,
      unknown: 1,
      routable: 1,
      n: 200,
      open_incidents: 0,
    },
  ])
})

test('an incident is open until its last event ends it, and carries commands and results', () => {
  const model = new ReadModel()
  const at = { partition: 0, key: 'i-1' }
  // The reader may bring the results topic first.
  model.fold({ topic: 'results', ...at }, aResult({ outcome: 'started' }))
  model.fold({ topic: 'results', ...at }, aResult({ outcome: 'succeeded', seq: 2 }))
  model.fold({ topic: 'results', ...at }, aResult({ outcome: 'succeeded', seq: 2 }))
  model.fold({ topic: 'incidents', ...at }, anEvent())
  model.fold({ topic: 'commands', ...at }, aCommand())
  expect(model.incidents()).toMatchObject([{ open: true, commands: 1, events: 1 }])
  const end = anEvent({ seq: 2, event: 'recovered', state: 'recovered', at_ms: 12_000 })
  model.fold({ topic: 'incidents', ...at }, end)
  const view = model.incident('i-1')
  expect(view).toMatchObject({ open: false, opened_at_ms: 10_000, updated_at_ms: 12_000 })
  expect(view?.results.map((r) => r.outcome)).toEqual(['started', 'succeeded'])
  expect(model.commands()).toMatchObject([{ outcome: 'succeeded', instance: 'stock-2' }])
  expect(model.commands('shop')).toEqual([])
})

test('events of the tasks themselves are no incident in the list, but can be read', () => {
  const model = new ReadModel()
  const ops = anEvent({ incident_id: incidentId('ops'), event: 'note', state: 'unknown' })
  model.fold({ topic: 'incidents', partition: 0, key: 'ops' }, ops)
  model.fold({ topic: 'incidents', partition: 1, key: 'ops' }, ops)
  expect(model.incidents()).toEqual([])
  expect(model.incident('ops')?.timeline).toHaveLength(2)
})

test('a policy counts the partitions of its newest version; deleted ones are gone', () => {
  const model = new ReadModel()
  const put = (partition: number, more: object) =>
    model.fold({ topic: 'policies', partition, key: 'restart-dead' }, aPolicy(more))
  for (const partition of [0, 1, 2]) put(partition, {})
  put(0, { version: 2, sha256: 'cd' })
  expect(model.policies()).toMatchObject([{ version: 2, partitions: 1 }])
  put(1, { version: 2, sha256: 'cd' })
  put(2, { version: 1 })
  expect(model.policies()).toMatchObject([{ version: 2, partitions: 2 }])
  put(0, { version: 3, deleted: true })
  expect(model.policies()).toEqual([])
  expect(model.policy('HealPolicy', 'restart-dead')?.record.version).toBe(3)
})

test('every bound holds: ended incidents and oldest events, commands, views go first', () => {
  const limits = { ...MODEL_LIMITS, incidentsMax: 3, eventsPerIncidentMax: 4, commandsMax: 2 }
  const model = new ReadModel({ ...limits, instancesMax: 2 })
  const event = (id: string, more: object = {}) =>
    model.fold(
      { topic: 'incidents', partition: 0, key: id },
      anEvent({ incident_id: incidentId(id), ...more }),
    )
  event('open-1')
  event('ended', { state: 'failed' })
  event('open-2')
  event('open-3')
  expect(model.incidents().map((i) => i.incident_id)).toEqual(['open-1', 'open-2', 'open-3'])
  for (let seq = 2; seq <= 9; seq++) event('open-1', { seq })
  const view = model.incident('open-1')
  expect(view?.timeline.map((e) => e.seq)).toEqual([1, 7, 8, 9])
  expect(view).toMatchObject({ events: 9, events_dropped: 5 })
  for (const name of ['a', 'b', 'c'])
    health(model, aHealth({ service: serviceId(name) }), viewKey(name, 'stock-2'))
  expect(model.instances().map((i) => i.service)).toEqual(['b', 'c'])
})
