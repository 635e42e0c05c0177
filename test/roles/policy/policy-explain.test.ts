// Promotion a step at a time (M12), what differs between versions, and a policy in words.
import { describe, expect, test } from 'vitest'
import { diffDocuments } from '../../../src/config/policy-diff.ts'
import { explainPolicy, verdictOn } from '../../../src/roles/policy/policy-explain.ts'
import { promoted, type Promotion } from '../../../src/config/policy-ladder.ts'
import type { GuardSet } from '../../../src/contracts/guard-set.ts'
import type { HealPolicy } from '../../../src/contracts/heal-policy.ts'
import { parsePolicy, type PolicyDocument } from '../../../src/contracts/policy.ts'

const written = (spec: object, kind: string = 'HealPolicy'): Record<string, unknown> => ({
  apiVersion: 'healstream.io/v1',
  kind,
  metadata: { name: 'p' },
  spec,
})
const SPEC = {
  match: { services: ['shop'] },
  trigger: 'error_rate > 0.5 && cpu > 1',
  action: 'restart_instance',
}

function parse(value: unknown): PolicyDocument {
  const parsed = parsePolicy(value, 'p')
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
  return parsed.document
}
function heal(value: unknown): HealPolicy {
  const document = parse(value)
  if (document.kind !== 'HealPolicy') throw new Error(document.kind)
  return document
}

describe('promotion', () => {
  const go = (spec: object, how: Partial<Promotion>): readonly unknown[] => {
    const value = written({ ...SPEC, ...spec })
    const next = promoted(heal(value), value, { to: null, service: null, reason: null, ...how })
    const again = heal(next.value)
    return [next.from, next.to, again.mode, again.modes]
  }

  test('one rung at a time, up to the highest', () => {
    expect(go({}, {})).toEqual(['observe', 'dry_run', 'dry_run', {}])
    expect(go({ mode: 'dry_run' }, {})).toEqual(['dry_run', 'canary', 'canary', {}])
    expect(go({ mode: 'canary' }, { to: 'enforce' })).toEqual(['canary', 'enforce', 'enforce', {}])
    expect(() => go({ mode: 'enforce' }, {})).toThrow('highest rung')
    expect(() => go({ mode: 'canary' }, { to: 'canary' })).toThrow('is on canary already')
  })

  test('a step is skipped only with a reason, down goes any', () => {
    expect(() => go({}, { to: 'enforce' })).toThrow('from observe to enforce skips dry_run, canary')
    expect(go({}, { to: 'canary', reason: 'fire' })).toEqual(['observe', 'canary', 'canary', {}])
    expect(go({ mode: 'enforce' }, { to: 'observe' })).toEqual([
      'enforce',
      'observe',
      'observe',
      {},
    ])
  })

  test('at one service alone', () => {
    const at = { service: 'shop' }
    expect(go({}, at)).toEqual(['observe', 'dry_run', 'observe', { shop: 'dry_run' }])
    const modes = { shop: 'dry_run', stock: 'canary' }
    const next = { shop: 'canary', stock: 'canary' }
    expect(go({ modes }, at)).toEqual(['dry_run', 'canary', 'observe', next])
  })

  test('the short JSON has one mode', () => {
    const bare = { trigger: 'n > 1', action: 'restart_service' }
    const how = { to: null, service: null, reason: null }
    expect(promoted(heal(bare), bare, how).value).toEqual({ ...bare, mode: 'dry_run' })
    expect(() => promoted(heal(bare), bare, { ...how, service: 'shop' })).toThrow('short JSON')
  })
})

describe('differences', () => {
  test('by what it means: another way to write the same is none', () => {
    const a = parse(written({ ...SPEC, for: '5m' }))
    const b = parse(written({ ...SPEC, evaluationWindow: '300s', mode: 'observe' }))
    expect(diffDocuments(a, b)).toEqual([])
  })

  test('field by field, with times as people write them', () => {
    const a = parse(written({ ...SPEC, cooldown: '5m' }))
    const services = ['shop', 'stock']
    const b = parse(written({ ...SPEC, match: { services }, cooldown: '10m', mode: 'canary' }))
    expect(diffDocuments(a, b)).toEqual([
      { field: 'cooldownMs', before: '5 min', after: '10 min' },
      { field: 'mode', before: '"observe"', after: '"canary"' },
      { field: 'services[1]', before: null, after: '"stock"' },
    ])
    const set = parse(written({ match: { services: ['*'] }, perMinute: 2 }, 'GuardSet'))
    expect(diffDocuments(null, set)).toContainEqual({
      field: 'limits.perMinute',
      before: null,
      after: '2',
    })
    expect(diffDocuments(set, null)).toContainEqual({ field: 'name', before: '"p"', after: null })
  })
})

describe('in words', () => {
  const guard = (services: readonly string[], some: object): GuardSet => {
    const document = parse(written({ match: { services }, ...some }, 'GuardSet'))
    if (document.kind !== 'GuardSet') throw new Error(document.kind)
    return document
  }

  test('what it reads, when it matches, which limit comes from where', () => {
    const policy = heal(written({ ...SPEC, for: '5m', cooldown: '7m', modes: { shop: 'canary' } }))
    const sets = [guard(['shop'], { perMinute: 3 }), guard(['*'], { perMinute: 9, groupMin: 7 })]
    const { reads, sentences, limits } = explainPolicy(policy, sets)
    expect(reads.map(({ fact }) => fact)).toEqual(['error_rate', 'cpu'])
    expect(sentences).toEqual([
      'Looks at the instances of shop; mode observe elsewhere, canary at shop.',
      'Matches when error_rate > 0.5 and cpu > 1, without a break for 5 min.',
      'Asks for restart_instance.',
    ])
    const limit = (name: string): unknown => limits.find((one) => one.limit === name)
    expect(limit('cooldownMs')).toMatchObject({ value: '7 min', from: 'the policy' })
    expect(limit('perMinute')).toMatchObject({ value: '3', from: 'GuardSet p' })
    expect(limit('groupMin')).toMatchObject({ value: '7', from: 'GuardSet p' })
    expect(limit('flapTransitions')).toMatchObject({ value: '4', from: 'default' })
  })

  test('conditions over time, windows, everywhere', () => {
    const over = { all: [{ when: 'n > 1' }, { when: 'link == "offline"' }] }
    const window = { evaluationMode: 'window', for: '10s' }
    const everywhere = { match: { services: ['*'] } }
    const { sentences } = explainPolicy(
      heal(written({ ...SPEC, ...everywhere, ...window, trigger: over })),
      [],
    )
    expect(sentences.slice(0, 2)).toEqual([
      'Looks at the instances of every service; mode observe.',
      'Matches when (n > 1) and (link == "offline") within 30 s, over the window of 10 s.',
    ])
  })

  test('what it says of an instance; what is not known is unknown', () => {
    const policy = heal(written(SPEC))
    const at = { service: 'shop', instance: 'a' }
    expect(verdictOn(policy, { ...at, facts: { error_rate: 0.6 } })).toEqual({
      ...at,
      mode: 'observe',
      holds: false,
      clauses: [
        { text: 'error_rate > 0.5', holds: true },
        { text: 'cpu > 1', holds: null },
      ],
    })
    expect(verdictOn(policy, { ...at, facts: { error_rate: 0.6, cpu: 2 } })?.holds).toBe(true)
    expect(verdictOn(policy, { ...at, service: 'stock', facts: {} })).toBeNull()
  })
})
