// Alert policies in force, as documents say them.
import { policyName } from '../../../src/contracts/ids.ts'
import { parsePolicy } from '../../../src/contracts/policy.ts'
import type { PolicyInForce } from '../../../src/core/alert/ruleset.ts'

/** A document with one rule, for every service. */
export function alertRule(name: string, expr: string): object {
  return {
    apiVersion: 'healstream.io/v1',
    kind: 'AlertPolicy',
    metadata: { name },
    spec: { match: { services: ['*'] }, rules: [{ alert: name, expr }] },
  }
}

/** Of every service unless `spec` says otherwise. */
export function inForce(name: string, spec: object): PolicyInForce {
  const parsed = parsePolicy({
    apiVersion: 'healstream.io/v1',
    kind: 'AlertPolicy',
    metadata: { name },
    spec: { match: { services: ['*'] }, ...spec },
  })
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
  if (parsed.document.kind !== 'AlertPolicy') throw new Error('another kind')
  return { policy: parsed.document, ref: { name: policyName(name), version: 1, sha256: '' } }
}
