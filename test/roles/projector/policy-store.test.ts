// Publishing policies on the embedded log: every partition, every version once, harmless to repeat.
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { LoadedPolicy } from '../../../src/config/policy-file.ts'
import { policyName } from '../../../src/contracts/ids.ts'
import { systemClock } from '../../../src/runtime/clock.ts'
import {
  checkedPolicies,
  PolicyStore,
  type PolicyStoreOptions,
} from '../../../src/roles/projector/policy-store.ts'
import { aPolicy } from './records.ts'
import { PARTITIONS, PREFIX, ready, Rig } from './rig.ts'

let rig: Rig
beforeEach(async () => {
  rig = await Rig.open()
})
afterEach(() => rig.close())

/** A document that differs by its trigger. */
function draft(name: string, limit: number): LoadedPolicy {
  const text = `
apiVersion: healstream.io/v1
kind: HealPolicy
metadata: { name: ${name} }
spec: { match: { services: [stock] }, trigger: 'error_rate > 0.${limit}', action: restart_instance }
`
  const [policy] = checkedPolicies(text, 'test.yaml')
  if (policy === undefined) throw new Error('no document')
  return policy
}
const BY = { author: 'tester', comment: null, dryRun: false, again: false }

async function store() {
  await rig.createTopics()
  const projector = rig.project()
  await ready(projector)
  return { policies: storeOf(projector), projector }
}

function storeOf(views: PolicyStoreOptions['views']): PolicyStore {
  const { log, serde: encoder } = rig
  const shared = { log, encoder, clock: systemClock, prefix: PREFIX, partitions: PARTITIONS }
  return new PolicyStore({ ...shared, views })
}

test('an apply reaches every partition and changes nothing when repeated', async () => {
  const { policies, projector } = await store()
  const both = [draft('a', 1), draft('b', 1)]
  expect(await policies.apply(both, BY)).toMatchObject([
    { name: 'a', version: 1, outcome: 'created' },
    { name: 'b', version: 1, outcome: 'created' },
  ])
  expect(await policies.apply(both, BY)).toMatchObject([
    { version: 1, outcome: 'unchanged' },
    { version: 1, outcome: 'unchanged' },
  ])
  expect(await policies.apply([draft('a', 2)], BY)).toMatchObject([
    { version: 2, outcome: 'updated' },
  ])
  expect(projector.model.policies()).toMatchObject([
    { name: 'a', version: 2, partitions: PARTITIONS },
    { name: 'b', version: 1, partitions: PARTITIONS },
  ])
  expect(await rig.collect('policies', { from: 'earliest', follow: 'false' })).toHaveLength(9)
})

test('again, what is unchanged is published in the version it has', async () => {
  const { policies, projector } = await store()
  await policies.apply([draft('a', 1)], BY)
  const again = { ...BY, again: true }
  expect(await policies.apply([draft('a', 1), draft('b', 1)], again)).toMatchObject([
    { name: 'a', version: 1, outcome: 'repeated' },
    { name: 'b', version: 1, outcome: 'created' },
  ])
  expect(projector.model.policies()).toMatchObject([{ version: 1 }, { version: 1 }])
  expect(await rig.collect('policies', { from: 'earliest', follow: 'false' })).toHaveLength(9)
})

test('a dry run tells what would happen and writes nothing', async () => {
  const { policies, projector } = await store()
  const applied = await policies.apply([draft('a', 1)], { ...BY, dryRun: true })
  expect(applied).toMatchObject([{ version: 1, outcome: 'created', dry_run: true }])
  expect(projector.model.policies()).toEqual([])
})

test('applies at the same moment take turns: no version is given out twice', async () => {
  const { policies, projector } = await store()
  const limits = [1, 2, 3, 4]
  const answers = await Promise.all(limits.map((limit) => policies.apply([draft('a', limit)], BY)))
  expect(answers.map(([applied]) => applied?.version)).toEqual([1, 2, 3, 4])
  expect(projector.model.policies()).toMatchObject([
    { version: 4, document: expect.stringContaining('error_rate > 0.4') },
  ])
})

test('a wrong document is rig.refused with every place in the file', () => {
  const text = 'kind: HealPolicy\nspec: 3\n'
  expect(() => checkedPolicies(text, 'bad.yaml')).toThrow(/^bad[.]yaml:\d+:\d+: error: /)
})

test('a version that reached only some partitions is written again', async () => {
  // An apply that died half-way left partition 1 ahead: tasks of the others would judge by nothing.
  const { policies, projector } = await store()
  await rig.send(
    rig.outgoing('policies', 'a', aPolicy({ name: policyName('a'), sha256: draft('a', 1).sha256 })),
  )
  await expect.poll(() => projector.model.policy('HealPolicy', 'a')?.partitions).toBe(1)
  expect(await policies.apply([draft('a', 1)], BY)).toMatchObject([
    { version: 1, outcome: 'updated' },
  ])
  expect(projector.model.policy('HealPolicy', 'a')?.partitions).toBe(PARTITIONS)
})

// A projector that had just been started gave out version 1 again, tasks passed that by as one that
// they had, and the person was told that it was created.
test('an apply waits until all that is in force has been read', async () => {
  const { policies } = await store()
  await policies.apply([draft('a', 1)], BY)
  await policies.apply([draft('a', 2)], BY)
  const late = rig.project()
  expect(late.notReady()).not.toEqual([])
  expect(await storeOf(late).apply([draft('a', 3)], BY)).toMatchObject([
    { version: 3, outcome: 'updated' },
  ])
})

test('two that give out the same version at once: who was not first is told so', async () => {
  const { policies, projector } = await store()
  // Another projector has not read of it when it gives out its version.
  const blind = { notReady: () => [], model: projector.model }
  const before = projector.model.policy.bind(projector.model)
  let asked = 0
  const model = Object.create(projector.model, {
    policy: {
      value: (...which: Parameters<typeof before>) => (asked++ === 0 ? null : before(...which)),
    },
  })
  await policies.apply([draft('a', 1)], BY)
  await expect(storeOf({ ...blind, model }).apply([draft('a', 2)], BY)).rejects.toMatchObject({
    code: 'HS_LOG',
    message: 'HealPolicy a is at version 1 of tester by now, which is another',
  })
})

test('M18: what would undo the work of a policy in force is refused with the circle', async () => {
  const { policies, projector } = await store()
  const one = (name: string, trigger: string, action: string, mode: string) => {
    const what = `mode: ${mode}, trigger: '${trigger}', action: ${action}`
    const spec = `{ match: { services: [stock] }, ${what} }`
    const head = `apiVersion: healstream.io/v1\nkind: HealPolicy\nmetadata: { name: ${name} }\n`
    return checkedPolicies(`${head}spec: ${spec}\n`, 'test.yaml')
  }
  await policies.apply(one('out', 'health == "unhealthy"', 'isolate', 'enforce'), BY)
  const back = (mode: string) => policies.apply(one('in', 'probe == "up"', 'unisolate', mode), BY)
  const circle = 'out (isolate) → in (unisolate) → out (isolate)'
  await expect(back('enforce')).rejects.toThrow(circle)
  expect(projector.model.policies()).toHaveLength(1)
  expect(await back('observe')).toMatchObject([{ outcome: 'created' }])
})
