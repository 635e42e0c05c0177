// Documents of policies: every limit can be set, in its unit or as a duration; the published JSON
// Schema knows the same fields; selectors are exact names or everything.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DETECTOR_DEFAULTS, GUARD_DEFAULTS } from '../../src/contracts/limits.ts'
import { parsePolicy, POLICY_KINDS, policyJsonSchema } from '../../src/contracts/policy.ts'
import { selects } from '../../src/contracts/policy-fields.ts'

const envelope = (kind: string, spec: object): object => ({
  apiVersion: 'healstream.io/v1',
  kind,
  metadata: { name: 'x' },
  spec,
})

describe('limits', () => {
  test.each([
    ['DetectorSet', DETECTOR_DEFAULTS],
    ['GuardSet', GUARD_DEFAULTS],
  ])('%s knows every limit and gives back what it was given', (kind, defaults) => {
    const parsed = parsePolicy(envelope(kind, { match: { services: ['*'] }, ...defaults }))
    expect(parsed).toMatchObject({ ok: true, document: { limits: defaults } })
    const none = parsePolicy(envelope(kind, { match: { services: [] } }))
    expect(none).toMatchObject({ ok: true, document: { services: [], limits: {} } })
  })

  test('times as durations', () => {
    const spec = { match: { services: ['*'] }, latencyP99MaxUs: '1500ms', settleMs: '2s' }
    expect(parsePolicy(envelope('DetectorSet', spec))).toMatchObject({
      document: { limits: { latencyP99MaxUs: 1_500_000, settleMs: 2_000 } },
    })
  })

  test.each([
    [{ perMinute: 0 }, 'at least 1'],
    [{ perMinute: 1.5 }, 'a whole number'],
    [{ outShareMax: 1.1 }, 'at most 1'],
    [{ cooldownMs: -1 }, 'at least 0'],
    [{ cooldownMs: true }, 'a number, or a duration such as 5m, 90s or 250ms'],
    [{ cooldownMs: '8d' }, 'at most 7d'],
    [{ cooldownMs: Infinity }, 'a number'],
    [{ cooldown: '5m' }, 'one of match, cooldownMs'],
    [{ flapSpanMs: '5m' }, '10m: changes are counted over no other span yet'],
  ])('refused: %j', (limits, expected) => {
    const parsed = parsePolicy(envelope('GuardSet', { match: { services: [] }, ...limits }))
    const problems = parsed.ok ? [] : parsed.problems
    expect(problems[0]?.expected).toContain(expected)
  })
})

test('the published schema has the fields of the documents', () => {
  for (const kind of POLICY_KINDS) {
    expect(policyJsonSchema(kind)).toMatchObject({
      type: 'object',
      properties: { kind: { const: kind }, spec: { type: 'object', additionalProperties: false } },
    })
  }
})

test('selectors: exact names, everything, nothing', () => {
  expect(selects(['shop'], 'shop')).toBe(true)
  expect(selects(['shop'], 'shop2')).toBe(false)
  expect(selects(['*'], 'anything')).toBe(true)
  expect(selects([], 'shop')).toBe(false)
})

test('no JSON value makes it throw', () => {
  const kinds = fc.constantFrom(...POLICY_KINDS, 'x')
  const specs = fc.jsonValue()
  fc.assert(
    fc.property(kinds, specs, specs, (kind, spec, metadata) => {
      expect(parsePolicy({ apiVersion: 'healstream.io/v1', kind, metadata, spec }).ok).toBe(false)
      expect(parsePolicy(spec).ok).toBe(false)
      expect(parsePolicy({ trigger: spec, action: metadata }).ok).toBe(false)
    }),
  )
})
