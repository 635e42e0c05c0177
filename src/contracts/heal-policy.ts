// HealPolicy: when to do what, and the bare JSON of S0-41. The trigger is text here; the core
// compiles it.
import * as z from 'zod'
import { policyName } from './ids.ts'
import { apiVersion, type Common, duration, headOf, id } from './policy-fields.ts'
import { type Kind, kindOf, match, metadata, services } from './policy-fields.ts'
import type { Mode } from './records.ts'

/** What a policy can ask for. `restart_service` is an old name of `restart_instance`. */
export const POLICY_ACTIONS = ['restart_instance'] as const
export type PolicyAction = (typeof POLICY_ACTIONS)[number]

/** The only span a window is kept over so far (DESIGN.md section 7). */
export const WINDOW_MS = 60_000

export interface HealPolicy extends Common {
  readonly kind: 'HealPolicy'
  readonly mode: Mode
  readonly trigger: string
  /**
   * `sustained`: true without a break for `forMs`; `window`: true once over the window of `forMs`.
   */
  readonly evaluationMode: 'sustained' | 'window'
  readonly forMs: number
  readonly action: PolicyAction
  /** null = the guards' default. */
  readonly cooldownMs: number | null
  readonly expiryMs: number | null
  readonly verifyMs: number | null
}

const mode = z.enum(['observe', 'dry_run', 'canary', 'enforce'])
const evaluationMode = z.enum(['sustained', 'window'])
const action = z.enum([...POLICY_ACTIONS, 'restart_service'])
const trigger = z.string().min(1).max(4_096)

const healSpec = z
  .strictObject({
    match: match.default({ services: [] }),
    mode: mode.default('observe'),
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
    checkWindow(spec.evaluationMode, spec.evaluationWindow ?? spec.for, (message) => {
      const path = [spec.evaluationWindow === undefined ? 'evaluationMode' : 'evaluationWindow']
      context.addIssue({ code: 'custom', path, message })
    })
  })

function checkWindow(
  how: 'sustained' | 'window',
  spanMs: number | undefined,
  report: (message: string) => void,
): void {
  if (how === 'window' && spanMs !== WINDOW_MS) {
    report('a window of 60s: other spans are not kept yet, use evaluationMode sustained for them')
  }
}

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
    trigger,
    evaluation_window: duration.optional(),
    evaluation_mode: evaluationMode.default('sustained'),
    action,
    cooldown_period: duration.optional(),
  })
  .superRefine((spec, context) => {
    checkWindow(spec.evaluation_mode, spec.evaluation_window, (message) => {
      context.addIssue({ code: 'custom', path: ['evaluation_window'], message })
    })
  })

function toHeal(spec: z.output<typeof healSpec>, head: Omit<Common, 'services'>): HealPolicy {
  return {
    kind: 'HealPolicy',
    ...head,
    services: spec.match.services,
    mode: spec.mode,
    trigger: spec.trigger,
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
      trigger: spec.trigger,
      evaluationWindow,
      evaluationMode: spec.evaluation_mode,
      action: spec.action,
      cooldown: spec.cooldown_period,
    },
    { name: policyName(spec.name ?? defaultName), labels: {} },
  )
})
