// A rule file of Prometheus (`groups:`), as it stands: each group becomes an AlertPolicy for every
// service (S2-44). `interval` says nothing here, rules are judged as records come.
import { canonicalJson } from '../contracts/canonical-json.ts'
import { POLICY_API_VERSION } from '../contracts/policy-fields.ts'

export type Path = readonly (string | number)[]

/** A document as a person wrote it, and where in the file a path of it stands. */
export interface Written {
  readonly value: unknown
  /** RFC 8785. */
  readonly canonical: string
  readonly of: (path: Path) => Path
}

/** The policies of a rule file; null: it is none. Errors: RangeError for what JSON cannot say. */
export function alertPoliciesOf(value: unknown): readonly Written[] | null {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, 'groups')) return null
  if (Object.hasOwn(value, 'kind')) return null
  const groups: unknown = Reflect.get(value, 'groups')
  return Array.isArray(groups) ? groups.map((group, i) => policyOf(group, i)) : null
}

function policyOf(group: unknown, at: number): Written {
  const fields = typeof group === 'object' && group !== null ? { ...group } : {}
  const { name, interval: _interval, rules, ...unknown }: Record<string, unknown> = fields
  const policy = {
    apiVersion: POLICY_API_VERSION,
    kind: 'AlertPolicy',
    metadata: { name },
    spec: { match: { services: ['*'] }, rules, ...unknown },
  }
  return {
    value: policy,
    canonical: canonicalJson(policy),
    of: ([first, second, ...rest]) => {
      if (first === 'metadata') return ['groups', at, 'name']
      return second === 'rules' ? ['groups', at, 'rules', ...rest] : ['groups', at]
    },
  }
}
