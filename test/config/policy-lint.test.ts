// Advice across documents: a GuardSet beside an enforcing policy counts only when it covers all of
// its services.
import { expect, test } from 'vitest'
import { lintDocuments } from '../../src/config/policy-lint.ts'
import { parsePolicy, type PolicyDocument } from '../../src/contracts/policy.ts'

function document(kind: string, name: string, spec: object): PolicyDocument {
  const parsed = parsePolicy({ apiVersion: 'healstream.io/v1', kind, metadata: { name }, spec })
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
  return parsed.document
}

const enforce = document('HealPolicy', 'p', {
  match: { services: ['a', 'b'] },
  mode: 'enforce',
  trigger: 'self_evident',
  action: 'restart_instance',
})

test.each([
  [['a'], 1],
  [['a', 'b'], 0],
  [['*'], 0],
])('a GuardSet for %j leaves %d advice', (services, advice) => {
  const guards = document('GuardSet', 'g', { match: { services }, perMinute: 3 })
  expect(lintDocuments([enforce, guards])).toHaveLength(advice)
})

test('an observing policy needs none', () => {
  const { kind, name, ...rest } = enforce.kind === 'HealPolicy' ? enforce : enforce
  expect(
    lintDocuments([{ ...enforce, ...rest, kind, name, mode: 'observe' } as PolicyDocument]),
  ).toEqual([])
})
