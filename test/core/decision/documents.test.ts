// Documents in force: versions, refusals, limits by service.
import { describe, expect, test } from 'vitest'
import { policyName } from '../../../src/contracts/ids.ts'
import { DETECTOR_DEFAULTS, GUARD_DEFAULTS } from '../../../src/contracts/limits.ts'
import type { PolicyRecord } from '../../../src/contracts/records.ts'
import {
  alertPoliciesInForce,
  applyDocument,
  detectorLimitsOf,
  detectorSettingsOf,
  guardLimitsOf,
  loadDocuments,
  newDocuments,
  policiesInForce,
  saveDocuments,
} from '../../../src/core/decision/documents.ts'
import { ImageReader } from '../../../src/core/kernel/image.ts'
import { saved } from '../../support/image.ts'
import { crash, instance, RESTART, sha256, World } from './world.ts'

const a = instance('a')
const BY = { sha256, behaviour: 3 }

describe('records of policies', () => {
  const noted = (world: World): string => {
    world.step([a])
    return world.events.find(({ incident_id }) => incident_id === 'ops')?.summary ?? ''
  }

  test('older and repeated versions are ignored, deleted ones stay deleted', () => {
    const world = new World()
    const first = world.document('HealPolicy', 'p', RESTART, 5)
    world.document('HealPolicy', 'p', { ...RESTART, mode: 'observe' }, 5)
    world.document('HealPolicy', 'p', { ...RESTART, mode: 'observe' }, 4)
    crash(world)
    expect(world.commands[0]).toMatchObject({ policy_version: 5, policy_sha256: first.sha256 })
    expect(noted(world)).toBe('')
  })

  test('a wrong document is refused with an event and the old version stays in force', () => {
    const world = new World()
    world.document('HealPolicy', 'p', RESTART, 1)
    world.document('HealPolicy', 'p', { ...RESTART, trigger: 'eror_rate > 1' }, 2)
    expect(noted(world)).toBe(
      'HealPolicy p version 2 refused: spec.trigger: there is no fact "eror_rate"; ' +
        'version 1 stays in force',
    )
    crash(world)
    expect(world.commands[0]).toMatchObject({ policy: policyName('p'), policy_version: 1 })
  })
})

describe('documents', () => {
  const good = new World().document('HealPolicy', 'p', RESTART, 3)
  const apply = (...records: readonly PolicyRecord[]): string[] => {
    const documents = newDocuments()
    return records.map((record) => {
      const change = applyDocument(documents, record, BY)
      return change.done === 'refused' ? change.problem : change.done
    })
  }

  test('a deleted one leaves, and an older version does not bring it back', () => {
    const documents = newDocuments()
    const gone: PolicyRecord = { ...good, version: 4, deleted: true, document: '', sha256: '' }
    for (const record of [good, gone, good]) applyDocument(documents, record, BY)
    expect(policiesInForce(documents)).toEqual([])
    applyDocument(documents, { ...good, version: 5 }, BY)
    expect(policiesInForce(documents).map(({ ref }) => ref.version)).toEqual([5])
  })

  test('a refused version can be sent again corrected', () => {
    expect(apply(good, { ...good, version: 4, document: '{' }, { ...good, version: 4 })).toEqual([
      'changed',
      expect.stringContaining('SHA-256'),
      'changed',
    ])
  })

  test.each([
    [{ sha256: '00' }, 'its SHA-256 is'],
    [{ version: 0 }, 'version 0 is not a count'],
    [{ version: 1.5 }, 'version 1.5 is not a count'],
    [{ name: policyName('other') }, 'it is HealPolicy "p", the record says HealPolicy "other"'],
    [{ kind: 'GuardSet' as const }, 'it is HealPolicy "p", the record says GuardSet "p"'],
    [{ document: 'x'.repeat(300_000) }, '300000 bytes'],
    [{ document: '{}' }, 'its SHA-256 is'],
  ])('refused: %j', (some, problem) => {
    expect(apply({ ...good, ...some })[0]).toContain(problem)
  })

  test.each(['', '{', 'null', '[]', '"x"', '{"kind":"HealPolicy"}', '{"trigger":1}'])(
    'refused with its own hash: %s',
    (document) => {
      const bytes = sha256(new TextEncoder().encode(document))
      const record = { ...good, document, sha256: Buffer.from(bytes).toString('hex') }
      expect(apply(record)[0]).toMatch(/not JSON|expected/)
    },
  )

  test('what only judgement knows is refused where an older behaviour is in force', () => {
    const record = new World().document('HealPolicy', 'p', {
      ...RESTART,
      modes: { shop: 'canary' },
    })
    const done = [2, 3].map((behaviour) =>
      applyDocument(newDocuments(), record, { sha256, behaviour }),
    )
    expect(done).toEqual([
      { done: 'refused', problem: 'spec.modes: behaviour 2 does not know it', inForce: null },
      { done: 'changed' },
    ])
  })

  test('kinds of others are none of ours', () => {
    expect(apply({ ...good, kind: 'AgentConfig' })).toEqual(['ignored'])
  })

  test('limits: defaults, then sets for all, then sets by name, each in order of name', () => {
    const world = new World()
    const all = { match: { services: ['*'] } }
    const shop = { match: { services: ['shop'] } }
    world.document('GuardSet', 'z-all', { ...all, perMinute: 2, cooldownMs: '1s', groupMin: 9 })
    world.document('GuardSet', 'a-shop', { ...shop, perMinute: 3, cooldownMs: '2s' })
    world.document('GuardSet', 'b-shop', { ...shop, perMinute: 4 })
    world.document('GuardSet', 'nobody', { match: { services: [] }, perMinute: 5 })
    const { documents } = world.state
    const set = { perMinute: 4, cooldownMs: 2_000, groupMin: 9 }
    expect(guardLimitsOf(documents, 'shop')).toEqual({ ...GUARD_DEFAULTS, ...set })
    expect(guardLimitsOf(documents, 'stock').perMinute).toBe(2)
    expect(detectorLimitsOf(documents, 'shop')).toEqual(DETECTOR_DEFAULTS)
    world.document('GuardSet', 'b-shop', { ...shop, perMinute: 6 })
    expect(guardLimitsOf(documents, 'shop').perMinute).toBe(6)
  })
})

describe('an older behaviour', () => {
  const spec = { match: { services: ['*'] } }
  test.each([
    ['GuardSet', { ...spec, zoneSickMin: 4 }, 'spec.zoneSickMin: behaviour 2 does not know it'],
    [
      'DetectorSet',
      { ...spec, detectors: { rtt: { enabled: true } } },
      'spec.detectors: behaviour 2 does not know it',
    ],
    [
      'HealPolicy',
      { ...RESTART, trigger: 'zone_sick_share > 0.5' },
      'spec.trigger: there is no fact "zone_sick_share"',
    ],
  ] as const)('does not take a %s with what came later', (kind, some, problem) => {
    const record = new World().document(kind, 'p', some)
    const refused = applyDocument(newDocuments(), record, { sha256, behaviour: 2 })
    expect(refused).toEqual({ done: 'refused', problem, inForce: null })
    expect(applyDocument(newDocuments(), record, BY)).toEqual({ done: 'changed' })
  })

  test('takes no alert policy, and has no opinion of it', () => {
    const record = new World().document('AlertPolicy', 'p', {
      ...spec,
      rules: [{ alert: 'p', expr: 'n > 1' }],
    })
    expect(applyDocument(newDocuments(), record, { sha256, behaviour: 2 }).done).toBe('ignored')
  })
})

test('settings of named detectors: of sets for all, then of those that name the service', () => {
  const world = new World()
  world.state.behaviour = 3
  const set = (name: string, services: readonly string[], alpha: number): void => {
    const detectors = { rtt: { alpha } }
    world.document('DetectorSet', name, { match: { services }, detectors })
  }
  set('z-all', ['*'], 0.1)
  set('a-shop', ['shop'], 0.2)
  const { documents } = world.state
  const alphaOf = (service: string): unknown => detectorSettingsOf(documents, service).rtt?.alpha
  expect([alphaOf('shop'), alphaOf('stock')]).toEqual([0.2, 0.1])
  // A guard set of the service is none of theirs.
  world.guards({ perMinute: 2 })
  expect(alphaOf('stock')).toBe(0.1)
})

test('alert policies in force are in order of name, and none that were taken out', () => {
  const world = new World()
  world.state.behaviour = 3
  const rule = { match: { services: ['*'] }, rules: [{ alert: 'p', expr: 'n > 1' }] }
  for (const name of ['b', 'a', 'c']) world.document('AlertPolicy', name, rule)
  world.policy()
  const gone = world.document('AlertPolicy', 'd', rule)
  applyDocument(world.state.documents, { ...gone, version: 99, deleted: true }, BY)
  const names = alertPoliciesInForce(world.state.documents).map(({ ref }) => ref.name)
  expect(names).toEqual(['a', 'b', 'c'])
})

test('an image keeps a document that was taken out, so that it stays out', () => {
  const world = new World()
  const record = world.policy()
  world.guards({ perMinute: 3 })
  applyDocument(world.state.documents, { ...record, version: 9, deleted: true }, BY)
  const from = new ImageReader(saved((to) => saveDocuments(world.state.documents, to)))
  const again = loadDocuments(from, sha256)
  from.end()
  expect(policiesInForce(again)).toEqual([])
  expect(applyDocument(again, record, BY)).toEqual({ done: 'ignored' })
  expect(guardLimitsOf(again, 'shop').perMinute).toBe(3)
})
