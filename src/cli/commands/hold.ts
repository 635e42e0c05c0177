// `healstream hold`: a person stops healing, of everything or of what is named, until it is
// released or runs out (reliability.md I22, G15).
import { formatDuration, parseDuration } from '../../contracts/duration.ts'
import { HsError } from '../../contracts/failure.ts'
import { instanceId, policyName, serviceId } from '../../contracts/ids.ts'
import type { Scope } from '../../contracts/records.ts'
import { type Context, show } from '../context.ts'
import { sayToAll, type WordFlags } from '../operator-word.ts'

export interface HoldFlags extends WordFlags {
  readonly all?: boolean
  readonly service?: string
  readonly instance?: string
  readonly policy?: string
  /** A duration; absent: until it is released. */
  readonly for?: string
}

/** Errors: HS_USAGE for no scope, a contradictory one or a wrong duration; those of sayToAll. */
export async function hold(context: Context, flags: HoldFlags): Promise<void> {
  const scope = scopeOf(flags)
  const forMs = flags.for === undefined ? null : durationOf(flags.for)
  const { body, partitions } = await sayToAll(context, flags, {
    fix: 'healstream hold --all',
    word: ({ nowMs }) => {
      return { kind: 'hold', scope, expires_at_ms: forMs === null ? null : nowMs + forMs }
    },
  })
  const { id, actor: who, reason: why, expires_at_ms: expiresAtMs } = body
  const whom = textOf(scope)
  const until = forMs === null ? 'until it is released' : `for ${formatDuration(forMs)}`
  show(context, flags.output, {
    value: { id, scope, why, who, expires_at_ms: expiresAtMs },
    lines: () => [
      `${id} holds ${whom} ${until}, by ${who}: acknowledged by all ${partitions} partitions`,
    ],
    next: ['tasks', `release ${id} --why TEXT`],
  })
}

export function scopeOf({ all = false, service, instance, policy }: HoldFlags): Scope {
  const named = [service, instance, policy].some((name) => name !== undefined)
  if (all === named) {
    const found = all ? '--all goes with no other scope' : 'it has to be said what is held'
    const fix = 'Name it: --all, or --service, --instance and --policy.'
    throw new HsError('HS_USAGE', found, { fix })
  }
  return {
    fleet: all,
    service: service === undefined ? null : serviceId(service),
    instance: instance === undefined ? null : instanceId(instance),
    policy: policy === undefined ? null : policyName(policy),
  }
}

export function durationOf(text: string): number {
  const found = parseDuration(text)
  if (found !== null && found > 0) return found
  const fix = 'Write it as 90s, 15m or 2h.'
  throw new HsError('HS_USAGE', `${JSON.stringify(text)} is not a duration`, { fix })
}

function textOf({ fleet, service, instance, policy }: Scope): string {
  if (fleet) return 'everything'
  const parts = [
    service === null ? [] : [`service ${service}`],
    instance === null ? [] : [`instance ${instance}`],
    policy === null ? [] : [`policy ${policy}`],
  ]
  return parts.flat().join(', ')
}
