// What a replay holds an entry against: whose journal it is, what this build has, where it goes on.
import { describe, expect, test } from 'vitest'
import { clusterId, taskId } from '../../src/contracts/ids.ts'
import type { FenceEntry, GenesisEntry } from '../../src/contracts/journal.ts'
import { BEHAVIOUR_LATEST } from '../../src/core/kernel/behaviour.ts'
import {
  checkGenesis,
  checkGroup,
  checkPositions,
  contextOf,
  knownBehaviour,
  knownFormat,
} from '../../src/runtime/replay-checks.ts'
import { toyDecoder } from '../support/toy-core.ts'

const GENESIS: GenesisEntry = {
  kind: 'genesis',
  clusterId: clusterId('cluster-a'),
  task: taskId('s1'),
  partitions: 4,
  prefix: 'hs.',
  positions: [],
  behaviour: 1,
  format: 2,
  scale: 5,
  dev: false,
  atMs: 77,
  lastTip: null,
}
const OWN = {
  clusterId: clusterId('cluster-a'),
  prefix: 'hs.',
  spec: { task: taskId('s1'), partition: 1 },
}
const FENCE: FenceEntry = {
  kind: 'fence',
  gen: 1,
  member: 'm',
  group: 'healstream',
  generation: 1,
  attempt: 1,
  suspect: null,
  positions: [{ topic: 'signals', partition: 1, offset: 7 }],
  stateDigest: new Uint8Array(32),
}

describe('a genesis', () => {
  test('of this task is taken', () => {
    expect(() => checkGenesis(GENESIS, OWN)).not.toThrow()
  })

  test.each([
    [{ clusterId: clusterId('cluster-b') }, 'HS_FOREIGN_CLUSTER'],
    [{ task: taskId('s2') }, 'HS_CHAIN_BROKEN'],
    [{ prefix: 'x.' }, 'HS_CHAIN_BROKEN'],
    [{ format: 1 }, 'HS_CONFIG'],
  ])('with %o is refused: %s', (change, code) => {
    expect(() => checkGenesis({ ...GENESIS, ...change }, OWN)).toThrowError(
      expect.objectContaining({ code }),
    )
  })

  test('says how the core is made; after a loss also when it was', () => {
    const context = contextOf(GENESIS, 1, { ...OWN, decoder: toyDecoder })
    expect(context).toMatchObject({ taskId: 's1', partition: 1, partitionCount: 4, scale: 5 })
    expect(context).not.toHaveProperty('afterLossMs')
    const lastTip = { offset: 3, hash: new Uint8Array(32) }
    const after = contextOf({ ...GENESIS, lastTip }, 1, { ...OWN, decoder: toyDecoder })
    expect(after.afterLossMs).toBe(77)
  })
})

describe('what is in force', () => {
  test('is known, or a newer build is needed', () => {
    expect(knownBehaviour(BEHAVIOUR_LATEST, 'here')).toBe(BEHAVIOUR_LATEST)
    expect(knownFormat(2, 'here')).toBe(2)
    const newer = expect.objectContaining({
      code: 'HS_CONFIG',
      fix: expect.stringMatching('newer'),
    })
    expect(() => knownBehaviour(BEHAVIOUR_LATEST + 1, 'here')).toThrowError(newer)
    expect(() => knownFormat(99, 'here')).toThrowError(newer)
  })
})

describe('a fence', () => {
  test('is where the steps before it end', () => {
    const inputs = [{ topic: 'signals' as const, partition: 1 }]
    const found = (position: number): { positions: number[]; place: string } => ({
      positions: [position],
      place: 'entry 3',
    })
    expect(() => checkPositions(FENCE, inputs, found(7))).not.toThrow()
    const broken = expect.objectContaining({ code: 'HS_CHAIN_BROKEN' })
    expect(() => checkPositions(FENCE, inputs, found(8))).toThrowError(broken)
    expect(() => checkPositions({ ...FENCE, positions: [] }, inputs, found(7))).toThrowError(broken)
  })

  test('is of the own group', () => {
    expect(() => checkGroup(null, 'other', OWN.spec.task)).not.toThrow()
    expect(() => checkGroup(FENCE, 'healstream', OWN.spec.task)).not.toThrow()
    expect(() => checkGroup(FENCE, 'other', OWN.spec.task)).toThrowError(
      expect.objectContaining({ code: 'HS_CONFIG' }),
    )
  })
})
