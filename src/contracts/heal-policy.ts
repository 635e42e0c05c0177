// HealPolicy: when to do what, and the bare JSON of S0-41. The trigger is text here; the core
// compiles it.
import * as z from 'zod'
import { ACTION_ALIASES, ACTION_NAMES, type ActionName } from './action.ts'
import { actionNamed, argsProblem } from './action.ts'
import { policyName } from './ids.ts'
import { apiVersion, type Common, duration, headOf, id } from './policy-fields.ts'
import { type Kind, kindOf, match, metadata, services } from './policy-fields.ts'
import { canaryShare, type Composite, JUDGED_WINDOW_MS, mode, modes } from './policy-trigger.ts'
import { plainTrigger, trigger, triggerText, windowProblem } from './policy-trigger.ts'
import { args, ladder, type Plan, planOfAction, planOfLadder } from './plan.ts'
import type { WrittenRung } from './plan.ts'
import type { Mode } from './records.ts'

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
  /** What it asks for first. */
  readonly action: ActionName
  /** All it asks for (S2-47, S1-51). */
  readonly plan: Plan
  /** null = the guards' default. */
  readonly cooldownMs: number | null
  readonly expiryMs: number | null
  readonly verifyMs: number | null
  /** People who have to approve each act; null = as many as the guards say. */
  readonly approvals: number | null
}

const evaluationMode = z.enum(['sustained', 'window'])
const action = z.enum([...ACTION_NAMES, ...Object.keys(ACTION_ALIASES)])

const healFields = z.strictObject({
  match: match.default({ services: [] }),
  mode: mode.default('observe'),
  modes: modes.default({}),
  canaryShare: canaryShare.optional(),
  trigger,
  for: duration.optional(),
  evaluationWindow: duration.optional(),
  evaluationMode: evaluationMode.default('sustained'),
  action: action.optional(),
  args: args.optional(),
  ladder: ladder.optional(),
  cooldown: duration.optional(),
  expiry: duration.optional(),
  verify: duration.optional(),
  approvals: z.number().int().min(0).max(2).optional(),
})

const healSpec = healFields.superRefine((spec, context) => {
  checkPlan(spec, context)
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

/** Either one action or a ladder, and arguments that fit. */
function checkPlan(
  spec: Pick<z.output<typeof healFields>, 'action' | 'args' | 'ladder'>,
  context: z.core.$RefinementCtx,
): void {
  const fail = (path: string, message: string): void => {
    context.addIssue({ code: 'custom', path: [path], message, input: spec })
  }
  if ((spec.action === undefined) === (spec.ladder === undefined)) {
    fail('action', 'either `action` or `ladder`')
  }
  const name = spec.action === undefined ? null : actionNamed(spec.action)
  const problem = name === null ? null : argsProblem(name, spec.args ?? {})
  if (problem !== null) fail('args', problem)
  if (name === null && spec.args !== undefined)
    fail('args', 'nothing: a ladder has them in its rungs')
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
    ...planned(spec),
    cooldownMs: spec.cooldown ?? null,
    expiryMs: spec.expiry ?? null,
    verifyMs: spec.verify ?? null,
    approvals: spec.approvals ?? null,
  }
}

function planned(spec: {
  readonly action?: string | undefined
  readonly args?: Readonly<Record<string, string>> | undefined
  readonly ladder?: readonly WrittenRung[] | undefined
}): Pick<HealPolicy, 'action' | 'plan'> {
  const own = { action: actionNamed(spec.action ?? 'none') ?? 'none', args: spec.args ?? {} }
  const plan = spec.ladder === undefined ? planOfAction(own) : planOfLadder(spec.ladder)
  return { action: plan.rungs[0]?.steps[0]?.actions[0]?.action ?? own.action, plan }
}

/**
 * A field that behaviours before judgement do not know, or null: where one of them is in force the
 * document is refused, as it was by the builds of that time.
 */
export function fieldOfJudgement(policy: HealPolicy): string | null {
  if (policy.composite !== null) return 'trigger'
  if (Object.keys(policy.modes).length > 0) return 'modes'
  if (policy.canaryShare !== null) return 'canaryShare'
  if (!policy.plan.repeats) return 'ladder'
  if (policy.action !== 'restart_instance') return 'action'
  if (policy.approvals !== null) return 'approvals'
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
