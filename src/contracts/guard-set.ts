// GuardSet: the limits of the guards, by service.
import * as z from 'zod'
import { GUARD_DEFAULTS, type FreezeWindow, type GuardLimits, WEEKDAYS } from './limits.ts'
import { apiVersion, type Common, count, given, headOf } from './policy-fields.ts'
import { type Kind, kindOf, match, metadata, ms, share } from './policy-fields.ts'

/** Changes of health are counted over this span. */
const FLAP_SPAN_MS = GUARD_DEFAULTS.flapSpanMs

export interface GuardSet extends Common {
  readonly kind: 'GuardSet'
  readonly limits: Partial<GuardLimits>
}

const CLOCK = /^([01]\d|2[0-3]):([0-5]\d)$/
const A_CLOCK = 'a time of the day, UTC, such as 22:00'
/** Minute of the day. */
const clock: z.ZodType<number, string> = z
  .string(A_CLOCK)
  .regex(CLOCK, A_CLOCK)
  .transform((text) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3)))

const freezeWindow = z
  .strictObject({
    days: z
      .array(z.enum(WEEKDAYS))
      .min(1)
      .max(7)
      .default([...WEEKDAYS]),
    from: clock,
    to: clock,
    why: z.string().max(256).default(''),
  })
  .transform(({ days, from, to, why }): FreezeWindow => {
    return { days, fromMinute: from, toMinute: to, why }
  })

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
  healShareMax: share.optional(),
  zoneSickShareMax: share.optional(),
  zoneSickMin: count.optional(),
  stormHealthyMin: share.optional(),
  stormCalmMs: ms.optional(),
  commonShareMax: share.optional(),
  commonMin: count.optional(),
  commonSpanMs: ms.optional(),
  doubtFactorMax: z.number().int().min(1).max(100).optional(),
  approvals: z.number().int().min(0).max(2).optional(),
  approvalMs: ms.optional(),
  freeze: z.array(freezeWindow).max(32).optional(),
}

const guardSet = z.strictObject({
  apiVersion,
  kind: z.literal('GuardSet'),
  metadata,
  spec: z.strictObject({ match, ...guardLimits }),
})

/** Fields that behaviours before judgement do not know. */
const OF_JUDGEMENT: readonly string[] = [
  'healShareMax',
  'zoneSickShareMax',
  'zoneSickMin',
  'stormHealthyMin',
  'stormCalmMs',
  'commonShareMax',
  'commonMin',
  'commonSpanMs',
  'doubtFactorMax',
  'approvals',
  'approvalMs',
  'freeze',
] satisfies readonly (keyof GuardLimits)[]

/** The first such field, or null: where an older behaviour is in force the set is refused. */
export function limitOfJudgement({ limits }: GuardSet): string | null {
  return Object.keys(limits).find((field) => OF_JUDGEMENT.includes(field)) ?? null
}

export const GUARD_SET: Kind<GuardSet> = kindOf(guardSet, (data) => {
  const { match: selector, ...limits } = data.spec
  return { kind: 'GuardSet', ...headOf(data), ...selector, limits: given(limits) }
})
