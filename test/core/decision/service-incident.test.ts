// Incidents of a service as a whole: opened once, left to a person or recovered, and kept in images
// of the form that knows them.
import { describe, expect, test } from 'vitest'
import { viewKey } from '../../../src/contracts/view-key.ts'
import { serviceIncident } from '../../../src/core/decision/plan-scene.ts'
import { escalateService, openForService } from '../../../src/core/decision/service-incident.ts'
import { Turn } from '../../../src/core/decision/state.ts'
import { loadIncident, saveIncident } from '../../../src/core/incident/incident.ts'
import { ImageReader, ImageWriter } from '../../../src/core/kernel/image.ts'
import { BEHAVIOUR_JUDGEMENT } from '../../../src/core/kernel/behaviour.ts'
import { crashed, instance, SHOP, World } from './world.ts'

function opened(): { world: World; turn: Turn } {
  const world = new World()
  world.state.behaviour = BEHAVIOUR_JUDGEMENT
  world.step([instance('a'), instance('b')])
  const services = [{ service: SHOP, window: instance('a').window, instances: [crashed('a')] }]
  const { nowMs, stepSeq } = world
  const turn = new Turn(world.state, { nowMs, stepSeq, behind: false, blind: false, services })
  openForService(turn, SHOP, { summary: 'shop: 2 of 2 share version v2', evidence: [] })
  return { world, turn }
}

describe('an incident of a service', () => {
  test('is opened once, under the key of the service', () => {
    const { world, turn } = opened()
    const incident = serviceIncident(world.state, SHOP)
    expect(incident).toMatchObject({ instance: null, state: 'detected', seq: 1 })
    expect(world.state.incidents.get(viewKey(SHOP, null))).toBe(incident)
    expect(openForService(turn, SHOP, { summary: 'again', evidence: [] })).toBe(incident)
    expect(turn.outputs).toHaveLength(1)
  })

  test('is left to a person once', () => {
    const { world, turn } = opened()
    const incident = serviceIncident(world.state, SHOP)
    if (incident === null) throw new Error('it is open')
    escalateService(turn, incident, 'a person has to look at shop')
    escalateService(turn, incident, 'a person has to look at shop')
    expect(incident.state).toBe('escalated')
    expect(turn.outputs).toHaveLength(2)
  })

  test('stays open while an instance is sick and recovers a dwell after none is', () => {
    const { world } = opened()
    world.step([crashed('a'), instance('b')], { afterMs: 60_000 })
    expect(serviceIncident(world.state, SHOP)).not.toBeNull()
    world.step([instance('a'), instance('b')], { afterMs: 1_000 })
    expect(serviceIncident(world.state, SHOP)).not.toBeNull()
    world.step([instance('a'), instance('b')], { afterMs: 60_000 })
    expect(serviceIncident(world.state, SHOP)).toBeNull()
    const own = world.events.filter((event) => event.instance === null)
    expect(own.at(-1)).toMatchObject({ service: SHOP, state: 'recovered' })
  })

  test('fails when the service has left', () => {
    const { world } = opened()
    world.step([], { afterMs: 1_000 })
    expect(serviceIncident(world.state, SHOP)).toBeNull()
    expect(world.last).toMatchObject({ instance: null, state: 'failed' })
  })

  test('goes over an image', () => {
    const { world } = opened()
    const incident = serviceIncident(world.state, SHOP)
    if (incident === null) throw new Error('it is open')
    const to = new ImageWriter()
    saveIncident(incident, to)
    const from = new ImageReader(Buffer.concat([...to.pieces()]))
    expect(loadIncident(from)).toEqual(incident)
    from.end()
  })
})
