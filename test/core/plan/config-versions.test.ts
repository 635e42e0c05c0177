// S3-43: which version a configuration goes back to, by the definition; what a command says of it;
// and what is refused because there is nothing to go back to.
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { policyName } from '../../../src/contracts/ids.ts'
import type { PolicyRecord } from '../../../src/contracts/records.ts'
import { ImageReader, ImageWriter } from '../../../src/core/kernel/image.ts'
import {
  type Configs,
  loadConfigs,
  noteConfig,
  rollbackOf,
  saveConfigs,
  VERSIONS_MAX,
} from '../../../src/core/plan/config-versions.ts'
import { erring } from '../decision/world.ts'
import { PlanWorld } from '../decision/plan-world.ts'

const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest()
const record = (version: number, document: string | null): PolicyRecord => ({
  name: policyName('shop-config'),
  kind: 'AgentConfig',
  version,
  deleted: document === null,
  document: document ?? '',
  sha256: '',
  author: 'test',
  at_ms: 0,
  comment: null,
})
function configsOf(documents: readonly (string | null)[]): Configs {
  const configs: Configs = new Map()
  documents.forEach((document, i) => noteConfig(configs, record(i + 1, document), sha256))
  return configs
}
const back = (documents: readonly (string | null)[], to: number | null = null): unknown =>
  rollbackOf(configsOf(documents).get('shop-config'), to)

describe('which version', () => {
  test.each([
    [['a', 'b'], null, { from: 2, to: 1 }],
    [['a', 'b', 'b'], null, { from: 3, to: 1 }],
    [['a', 'b', null], null, { from: 3, to: 2 }],
    [['a', null, 'b'], null, { from: 3, to: 1 }],
    // What was rolled back once is not rolled back to what it was for.
    [['a', 'b', 'a'], null, 'no other version is known before 3'],
    [['a', 'b', 'a', 'c'], null, { from: 4, to: 3 }],
    [['a'], null, 'no other version is known before 1'],
    [[], null, 'no version of it is known'],
    [['a', 'b', 'c'], 1, { from: 3, to: 1 }],
    [['a', 'b', 'a'], 1, 'version 3 is the same as 1'],
    [['a', null, 'b'], 2, 'there is no version 2'],
    [['a', 'b'], 7, 'there is no version 7'],
  ] as const)('of %j, to %s', (documents, to, expected) => {
    expect(back(documents, to)).toEqual(expected)
  })

  test('never the document in force, never one that is not there, always the one in force', () => {
    const document = fc.option(fc.constantFrom('a', 'b', 'c'), { nil: null })
    const to = fc.option(fc.integer({ min: 1, max: 20 }), { nil: null })
    fc.assert(
      fc.property(fc.array(document, { minLength: 1, maxLength: 18 }), to, (documents, asked) => {
        const found = rollbackOf(configsOf(documents).get('shop-config'), asked)
        if (typeof found === 'string') return
        expect(found.from).toBe(documents.length)
        expect(found.to).toBeGreaterThan(documents.length - VERSIONS_MAX)
        expect(documents[found.to - 1]).not.toBeNull()
        expect(documents[found.to - 1]).not.toBe(documents.at(-1))
        if (asked !== null) expect(found.to).toBe(asked)
      }),
    )
  })

  test('what is older, repeated or no version changes nothing; an image keeps all', () => {
    const configs = configsOf(['a', 'b'])
    for (const version of [2, 1, 0, -1, 1.5, Number.NaN]) {
      noteConfig(configs, record(version, 'x'), sha256)
    }
    expect(configs).toEqual(configsOf(['a', 'b']))
    const to = new ImageWriter()
    saveConfigs(configs, to)
    expect(loadConfigs(new ImageReader(Buffer.concat(to.pieces())))).toEqual(configs)
  })
})

describe('a plan', () => {
  const world = (versions: readonly string[]): PlanWorld => {
    const one = new PlanWorld()
    one.ladder([{ action: 'rollback_config', args: { name: 'shop-config' } }], {
      trigger: 'service_error_rate > 0.5',
    })
    versions.forEach((text, i) => one.document('AgentConfig', 'shop-config', { text }, i + 1))
    one.step([erring('a')])
    one.step([erring('a')], { afterMs: 2_000 })
    return one
  }

  test('orders it by versions, so that it is refused once another one is in force', () => {
    const one = world(['good', 'bad'])
    expect(one.commands.map(({ action, args }) => [action, args])).toEqual([
      ['rollback_config', { name: 'shop-config', from: '2', to: '1' }],
    ])
    one.answer('rollback_config', 'refused', { refusal: 'version_moved' })
    one.step([erring('a')], { afterMs: 100 })
    const said = one.events.map(({ summary }) => summary)
    expect(said.some((text) => text.includes('reports refused (version_moved)'))).toBe(true)
    expect(one.commands.length).toBe(1)
  })

  test('orders nothing where there is nothing to go back to, and says why', () => {
    const one = world(['only'])
    expect(one.commands).toEqual([])
    expect(one.events.map(({ summary }) => summary)).toContain(
      'rollback_config cannot be ordered: configuration shop-config: ' +
        'no other version is known before 1',
    )
    expect(one.last.state).toBe('escalated')
  })
})
