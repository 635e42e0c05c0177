// AlertPolicy: rules in Prometheus' words (S2-44), where each tier goes, what belongs together, and
// what a graver alert makes needless to tell (S0-52).
import * as z from 'zod'
import { type AlertExpression, parseExpression, SUPPORTED } from './alert-expression.ts'
import { TEMPLATES_SUPPORTED, templateProblem } from './alert-template.ts'
import { SEVERITIES, SEVERITY_TIERS, type Severity } from './alert-tiers.ts'
import { apiVersion, type Common, duration, given, headOf } from './policy-fields.ts'
import { type Kind, kindOf, match, metadata } from './policy-fields.ts'
import type { Tier } from './records.ts'

export interface AlertRule {
  readonly alert: string
  readonly expression: AlertExpression
  /** It has to hold without a break for so long before it fires. */
  readonly forMs: number
  /** It fires on for so long after it has ceased to hold. */
  readonly keepMs: number
  readonly tier: Tier
  /** Texts that may have places to fill, as annotations have. */
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

export interface Inhibition {
  readonly by: Tier
  readonly suppresses: readonly Tier[]
}

export interface AlertPolicy extends Common {
  readonly kind: 'AlertPolicy'
  readonly rules: readonly AlertRule[]
  /** Names of rules of ours that do not judge these services. */
  readonly disable: readonly string[]
  readonly routes: Partial<Record<Tier, string>>
  /** Labels whose values name a group; null: not said. */
  readonly groupBy: readonly string[] | null
  /** Within a service; null: not said. */
  readonly inhibit: readonly Inhibition[] | null
}

export const RULES_MAX = 200
const LABELS_MAX = 32
const TEXT_MAX = 2_048
/** Labels that every alert has of its own. */
const OWN_LABELS = ['alertname', 'service', 'instance', 'zone', 'tier']
const A_LABEL = 'a name of a label: letters, digits and underscores, not beginning with a digit'
const labelName = z.string(A_LABEL).regex(/^[a-zA-Z_][a-zA-Z0-9_]{0,63}$/, A_LABEL)
const tier = z.enum(['high', 'medium', 'low'])
const A_ROUTE = 'a name: letters, digits, dash and underscore, at most 64'
const route = z.string(A_ROUTE).regex(/^[a-zA-Z0-9_-]{1,64}$/, A_ROUTE)

const text = (mayHaveValue: boolean): z.ZodString =>
  z
    .string()
    .max(TEXT_MAX)
    .superRefine((value, context) => {
      const found = templateProblem(value, { mayHaveValue })
      if (found === null) return
      const message = `${TEMPLATES_SUPPORTED}, but ${found.problem}`
      context.addIssue({ code: 'custom', message, params: { at: found.at } })
    })

const texts = (mayHaveValue: boolean): z.ZodDefault<z.ZodRecord<typeof labelName, z.ZodString>> =>
  z.record(labelName, text(mayHaveValue)).default({})

const expr = z.string().transform((value, context): AlertExpression => {
  const parsed = parseExpression(value)
  if (parsed.ok) return parsed.expression
  const message = `${SUPPORTED}, but ${parsed.problem}`
  context.addIssue({ code: 'custom', message, params: { at: parsed.at } })
  return z.NEVER
})

const rule = z
  .strictObject({
    alert: z.string().min(1).max(128),
    expr,
    for: duration.optional(),
    keep_firing_for: duration.optional(),
    labels: texts(false),
    annotations: texts(true),
  })
  .superRefine(({ labels, annotations }, context) => {
    const say = (message: string, ...path: string[]): void => {
      context.addIssue({ code: 'custom', path, message })
    }
    for (const name of OWN_LABELS)
      if (Object.hasOwn(labels, name)) say('no such label, every alert has its own', 'labels', name)
    if (labels['severity'] !== undefined && severityOf(labels) === null)
      say(`one of ${SEVERITIES.join(', ')}`, 'labels', 'severity')
    if (Object.keys(labels).length + Object.keys(annotations).length > LABELS_MAX)
      say(`at most ${LABELS_MAX} labels and annotations`, 'labels')
  })

const spec = z
  .strictObject({
    match: match.default({ services: [] }),
    rules: z.array(rule).max(RULES_MAX).default([]),
    disable: z.array(z.string().min(1).max(128)).max(RULES_MAX).default([]),
    routes: z.partialRecord(tier, route).default({}),
    groupBy: z.array(labelName).max(8).optional(),
    inhibit: z
      .array(z.strictObject({ by: tier, suppresses: z.array(tier).max(3) }))
      .max(3)
      .optional(),
  })
  .superRefine(({ inhibit = [] }, context) => {
    inhibit.forEach(({ by, suppresses }, i) => {
      if (!suppresses.includes(by)) return
      const message = 'other tiers: alerts of one tier would silence each other'
      context.addIssue({ code: 'custom', path: ['inhibit', i, 'suppresses'], message })
    })
  })

const alertPolicy = z.strictObject({ apiVersion, kind: z.literal('AlertPolicy'), metadata, spec })

export const ALERT_POLICY: Kind<AlertPolicy> = kindOf(alertPolicy, (data) => {
  const { match: selector, rules, disable, routes, groupBy, inhibit } = data.spec
  return {
    kind: 'AlertPolicy',
    ...headOf(data),
    ...selector,
    rules: rules.map(ruleOf),
    disable,
    routes: given(routes),
    groupBy: groupBy ?? null,
    inhibit: inhibit ?? null,
  }
})

/** An alert without a severity is a ticket. */
const UNSAID: Severity = 'warning'

function ruleOf(data: z.output<typeof rule>): AlertRule {
  const { alert, expr: expression, labels, annotations } = data
  return {
    alert,
    expression,
    forMs: data.for ?? 0,
    keepMs: data.keep_firing_for ?? 0,
    tier: SEVERITY_TIERS[severityOf(labels) ?? UNSAID],
    labels,
    annotations,
  }
}

function severityOf(labels: Readonly<Record<string, string>>): Severity | null {
  return SEVERITIES.find((one) => one === labels['severity']) ?? null
}
