// Formats of states: this build says which it has, and what to do about a journal of another.
import { expect, test } from 'vitest'
import { clusterId, taskId } from '../../src/contracts/ids.ts'
import type { GenesisEntry } from '../../src/contracts/journal.ts'
import { checkFormat, knowsFormat, SNAPSHOT_FORMAT } from '../../src/runtime/snapshot-format.ts'

const genesis = (format: number): GenesisEntry => ({
  kind: 'genesis',
  clusterId: clusterId('cluster-a'),
  task: taskId('s1'),
  partitions: 1,
  prefix: 'hs.',
  positions: [],
  behaviour: 1,
  format,
  scale: 4,
  dev: false,
  atMs: 1,
  lastTip: null,
})

test('the own format is known, the one before and the one after are not', () => {
  expect([1, 2, SNAPSHOT_FORMAT, SNAPSHOT_FORMAT + 1].map(knowsFormat)).toEqual([
    false,
    true,
    true,
    false,
  ])
  expect(() => checkFormat(genesis(SNAPSHOT_FORMAT))).not.toThrow()
})

test.each([
  [1, 'initialise anew'],
  [SNAPSHOT_FORMAT + 1, 'Run a newer healstream'],
])('a journal of format %i is refused with what to do', (format, fix) => {
  expect(() => checkFormat(genesis(format))).toThrowError(
    expect.objectContaining({
      code: 'HS_CONFIG',
      message: expect.stringContaining(`begun in format ${format}`),
      fix: expect.stringContaining(fix),
    }),
  )
})
