// HealPolicy: when to do what, and the bare JSON of S0-41. The trigger is text here; the core
// compiles it.
import * as z from 'zod'
import { policyName } from './ids.ts'
import { apiVersion, type Common, duration, headOf, id } from './policy-fields.ts'
import { type Kind, kindOf, match, metadata, services } from './policy-fields.ts'
import { canaryShare, type Composite, JUDGED_WINDOW_MS, mode, modes } from './policy-trigger.ts'
import { plainTrigger, trigger, triggerText, windowProblem } from './policy-trigger.ts'
import type { Mode } from './records.ts'

/** What a policy can ask for. `restart_service` is an old name of `restart_instance`. */
export const POLICY_ACTIONS = ['restart_instance'] as const
export type PolicyAction = (typeof POLICY_ACTIONS)[number]

export interface HealPolicy extends Common {
  readonly kind: 'HealPolicy'
  /** How far it goes; see `modeOf`. */
  readonly mode: Mode
  /** By service: another rung than `mode`. */
  readonly modes: Readonly<Record<string, Mode>>
  /** Of a canary: the share of instances it acts on, by hash; null = the first of each service. */
  readonly canaryShare: number | null
  /** The condition; of a composite, all of its conditions for people. */
  readonly trigger: string
  /** Conditions over time (S0-54); null: one condition. */
  readonly composite: Composite | null
  /**
   * `sustained`: true without a break for `forMs`; `window`: true once, its figures taken over the
   * window of `forMs` (S0-41).
   */
  readonly evaluationMode: 'sustained' | 'window'
  readonly forMs: number
  readonly action: PolicyAction
  /** null = the guards' default. */
  readonly cooldownMs: number | null
  readonly expiryMs: number | null
  readonly verifyMs: number | null
}

const evaluationMode = z.enum(['sustained', 'window'])
const action = z.enum([...POLICY_ACTIONS, 'restart_service'])

const healSpec = z
  .strictObject({
    match: match.default({ services: [] }),
    mode: mode.default('observe'),
    modes: modes.default({}),
    canaryShare: canaryShare.optional(),
    trigger,
    for: duration.optional(),
    evaluationWindow: duration.optional(),
    evaluationMode: evaluationMode.default('sustained'),
    action,
    cooldown: duration.optional(),
    expiry: duration.optional(),
    verify: duration.optional(),
  })
  .superRefine((spec, context) => {
    if (spec.for !== undefined && spec.evaluationWindow !== undefined) {
      const message = 'one of `for` and `evaluationWindow`, they are the same'
      context.addIssue({ code: 'custom', path: ['for'], message })
    }
    const message = windowProblem(spec.evaluationMode, spec.evaluationWindow ?? spec.for)
    if (message !== null) {
      const path = [spec.evaluationWindow === undefined ? 'evaluationMode' : 'evaluationWindow']
      context.addIssue({ code: 'custom', path, message })
    }
  })

const healPolicy = z.strictObject({
  apiVersion,
  kind: z.literal('HealPolicy'),
  metadata,
  spec: healSpec,
})

/** S0-41 as it stands there; the three optional fields are ours. */
const bare = z
  .strictObject({
    name: id.optional(),
    services: services.default(['*']),
    mode: mode.default('observe'),
    trigger: plainTrigger,
    evaluation_window: duration.optional(),
    evaluation_mode: evaluationMode.default('sustained'),
    action,
    cooldown_period: duration.optional(),
  })
  .superRefine((spec, context) => {
    const message = windowProblem(spec.evaluation_mode, spec.evaluation_window)
    if (message !== null) context.addIssue({ code: 'custom', path: ['evaluation_window'], message })
  })

function toHeal(spec: z.output<typeof healSpec>, head: Omit<Common, 'services'>): HealPolicy {
  return {
    kind: 'HealPolicy',
    ...head,
    services: spec.match.services,
    mode: spec.mode,
    modes: spec.modes,
    canaryShare: spec.canaryShare ?? null,
    ...triggerText(spec.trigger),
    evaluationMode: spec.evaluationMode,
    forMs: spec.evaluationWindow ?? spec.for ?? 0,
    action: canonicalAction(spec.action),
    cooldownMs: spec.cooldown ?? null,
    expiryMs: spec.expiry ?? null,
    verifyMs: spec.verify ?? null,
  }
}

function canonicalAction(name: PolicyAction | 'restart_service'): PolicyAction {
  return name === 'restart_service' ? 'restart_instance' : name
}

/**
 * A field that behaviours before judgement do not know, or null: where one of them is in force the
 * document is refused, as it was by the builds of that time.
 */
export function fieldOfJudgement(policy: HealPolicy): string | null {
  if (policy.composite !== null) return 'trigger'
  if (Object.keys(policy.modes).length > 0) return 'modes'
  if (policy.canaryShare !== null) return 'canaryShare'
  const isWindow = policy.evaluationMode === 'window' && policy.forMs !== JUDGED_WINDOW_MS
  return isWindow ? 'evaluationWindow' : null
}

export const HEAL_POLICY: Kind<HealPolicy> = kindOf(healPolicy, (data) => {
  return toHeal(data.spec, headOf(data))
})

/** S0-41, without apiVersion and kind. */
export const BARE_POLICY: Kind<HealPolicy> = kindOf(bare, (spec, defaultName) => {
  const { services: selected, evaluation_window: evaluationWindow, mode: how } = spec
  return toHeal(
    {
      match: { services: selected },
      mode: how,
      modes: {},
      trigger: spec.trigger,
      evaluationWindow,
      evaluationMode: spec.evaluation_mode,
      action: spec.action,
      cooldown: spec.cooldown_period,
    },
    { name: policyName(spec.name ?? defaultName), labels: {} },
  )
})
