// GuardSet: the limits of the guards, by service.
import * as z from 'zod'
import { GUARD_DEFAULTS, type GuardLimits } from './limits.ts'
import { apiVersion, type Common, count, given, headOf } from './policy-fields.ts'
import { type Kind, kindOf, match, metadata, ms, share } from './policy-fields.ts'

/** Changes of health are counted over this span. */
const FLAP_SPAN_MS = GUARD_DEFAULTS.flapSpanMs

export interface GuardSet extends Common {
  readonly kind: 'GuardSet'
  readonly limits: Partial<GuardLimits>
}

const guardLimits = {
  cooldownMs: ms.optional(),
  cooldownMaxMs: ms.optional(),
  outShareMax: share.optional(),
  routableShareMin: share.optional(),
  groupMin: count.optional(),
  serviceIntervalMs: ms.optional(),
  perMinute: count.optional(),
  blindMissingMin: count.optional(),
  blindShareMax: share.optional(),
  blindAfterMs: ms.optional(),
  warmUpMs: ms.optional(),
  flapTransitions: count.optional(),
  flapSpanMs: ms
    .refine((span) => span === FLAP_SPAN_MS, '10m: changes are counted over no other span yet')
    .optional(),
  ineffectiveMax: count.optional(),
  ineffectiveSpanMs: ms.optional(),
  commandExpiryMs: ms.optional(),
  verifyMs: ms.optional(),
}

const guardSet = z.strictObject({
  apiVersion,
  kind: z.literal('GuardSet'),
  metadata,
  spec: z.strictObject({ match, ...guardLimits }),
})

export const GUARD_SET: Kind<GuardSet> = kindOf(guardSet, (data) => {
  const { match: selector, ...limits } = data.spec
  return { kind: 'GuardSet', ...headOf(data), ...selector, limits: given(limits) }
})
