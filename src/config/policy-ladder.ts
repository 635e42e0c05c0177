// The next rung of the ladder for a document: observe → dry_run → canary → enforce (M12). A
// step at a time, unless a person gives a reason to skip one.
import { HsError } from '../contracts/failure.ts'
import type { HealPolicy } from '../contracts/heal-policy.ts'
import { modeOf } from '../contracts/policy-trigger.ts'
import type { Mode } from '../contracts/records.ts'

export const LADDER: readonly Mode[] = ['observe', 'dry_run', 'canary', 'enforce']

export interface Promotion {
  /** null: the next rung. */
  readonly to: Mode | null
  /** null: the policy's own mode, everywhere. */
  readonly service: string | null
  /** null: no step may be skipped. */
  readonly reason: string | null
}

export interface Promoted {
  readonly from: Mode
  readonly to: Mode
  /** The document as it is to be published. */
  readonly value: Readonly<Record<string, unknown>>
}

/**
 * `written`: the document in force as it was written. Errors: HS_USAGE for a rung that is none, the
 * same as now, or skips one without a reason. Down goes any number of steps.
 */
export function promoted(
  policy: HealPolicy,
  written: Readonly<Record<string, unknown>>,
  { to, service, reason }: Promotion,
): Promoted {
  const from = service === null ? policy.mode : modeOf(policy, service)
  const at = LADDER.indexOf(from)
  const target = to ?? LADDER[at + 1]
  if (target === undefined) {
    throw new HsError('HS_USAGE', `${policy.name} is on the highest rung: ${from}`, {
      fix: 'Name a lower rung with --to to take it back.',
    })
  }
  const steps = LADDER.indexOf(target) - at
  if (steps === 0) {
    throw new HsError('HS_USAGE', `${policy.name} is on ${target} already`, {
      fix: `Rungs are ${LADDER.join(', ')}.`,
    })
  }
  if (steps > 1 && reason === null) {
    const skipped = LADDER.slice(at + 1, at + steps).join(', ')
    throw new HsError('HS_USAGE', `from ${from} to ${target} skips ${skipped}`, {
      fix: `Promote to ${LADDER[at + 1] ?? target} first, or add --force --reason TEXT.`,
    })
  }
  return { from, to: target, value: withMode(written, { to: target, service }) }
}

function withMode(
  written: Readonly<Record<string, unknown>>,
  { to, service }: { readonly to: Mode; readonly service: string | null },
): Readonly<Record<string, unknown>> {
  const spec = written['spec']
  if (!isObject(spec)) {
    if (service === null) return { ...written, mode: to }
    throw new HsError('HS_USAGE', 'a policy in the short JSON has one mode for all services', {
      fix: 'Write it with apiVersion, kind and spec to promote it at one service.',
    })
  }
  if (service === null) return { ...written, spec: { ...spec, mode: to } }
  const modes = isObject(spec['modes']) ? spec['modes'] : {}
  return { ...written, spec: { ...spec, modes: { ...modes, [service]: to } } }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
