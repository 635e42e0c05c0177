// Plans as they stand in a HealPolicy: one action, or a ladder of rungs that are tried one after
// another until one has an effect (S1-51, S2-47, C-22); a rung is an action, or steps in order,
// each with its time, its way on after success and after failure, a time to hold and a gate that
// must hold by then (S0-46, S0-54).
import * as z from 'zod'
import { ACTION_ALIASES, ACTION_NAMES, type ActionName } from './action.ts'
import { ACTIONS, actionNamed, argsProblem } from './action.ts'
import { duration } from './policy-fields.ts'

export const RUNGS_MAX = 8
export const STEPS_MAX = 16
/** Actions at the same time. */
export const PARALLEL_MAX = 4
/** How long a step may take, with its guards, unless it says otherwise. */
export const STEP_TIMEOUT_MS = 60_000
/** For requests in flight, unless the drain says otherwise (S3-38). */
export const DRAIN_TIMEOUT_MS = 30_000

export interface PlanAction {
  readonly action: ActionName
  readonly args: Readonly<Record<string, string>>
}

export interface PlanStep {
  /** More than one: at the same time (S1-42). */
  readonly actions: readonly PlanAction[]
  /** From the moment it is its turn until what it orders is done. */
  readonly timeoutMs: number
  /** After it was done; the gate has to hold when this is over, and once it holds, until then. */
  readonly holdMs: number
  /** A condition in CEL, or null. */
  readonly gate: string | null
  /** Index of the step that follows; null: the next one. */
  readonly onSuccess: number | null
  readonly onFailure: 'fail' | 'next' | number
}

export interface Rung {
  readonly steps: readonly PlanStep[]
  /** Once for each instance of the service, one after another (S0-55). */
  readonly rolling: boolean
}

export interface Plan {
  readonly rungs: readonly Rung[]
  /** One action without a ladder: tried again until the guards end it. */
  readonly repeats: boolean
  /** `service`: an incident of the service as a whole runs it. */
  readonly target: 'instance' | 'service'
}

const action = z.enum([...ACTION_NAMES, ...Object.keys(ACTION_ALIASES)])
const index = z
  .number()
  .int()
  .min(0)
  .max(STEPS_MAX - 1)

/** Arguments of an action; numbers may be written as numbers. */
export const args: z.ZodType<Readonly<Record<string, string>>> = z.record(
  z.string().max(64),
  z.union([z.string(), z.number()], 'a text or a number').transform((value) => String(value)),
)

interface WrittenCall {
  readonly action: string
  readonly args?: Readonly<Record<string, string>> | undefined
}

interface WrittenStep {
  readonly action?: string | undefined
  readonly args?: Readonly<Record<string, string>> | undefined
  readonly parallel?: readonly WrittenCall[] | undefined
  readonly timeout?: number | undefined
  readonly hold?: number | undefined
  readonly gate?: string | undefined
  readonly onSuccess?: number | undefined
  readonly onFailure?: 'fail' | 'next' | number | undefined
}

/** A rung as it is written; times in milliseconds. */
export interface WrittenRung extends WrittenStep {
  readonly steps?: readonly WrittenStep[] | undefined
  readonly rolling?: boolean | undefined
}

const call = z.strictObject({ action, args: args.optional() }).superRefine(checkCall)
const stepFields = {
  action: action.optional(),
  args: args.optional(),
  parallel: z.array(call).min(2).max(PARALLEL_MAX).optional(),
  timeout: duration.optional(),
  hold: duration.optional(),
  gate: z.string().min(1).max(4_096).optional(),
  onSuccess: index.optional(),
  onFailure: z.union([z.enum(['fail', 'next']), index], 'fail, next or a step').optional(),
}
const step = z.strictObject(stepFields).superRefine((one, context) => {
  if ((one.action === undefined) === (one.parallel === undefined)) {
    context.addIssue({ code: 'custom', message: 'either `action` or `parallel`' })
  }
  checkCall(one, context)
})

/** What `ladder` of a HealPolicy may be. */
export const ladder: z.ZodType<readonly WrittenRung[]> = z
  .array(
    z
      .strictObject({
        ...stepFields,
        steps: z.array(step).min(1).max(STEPS_MAX).optional(),
        rolling: z.boolean().optional(),
      })
      .superRefine(checkRung),
  )
  .min(1)
  .max(RUNGS_MAX)

function checkCall(
  { action: name, args: given = {} }: Pick<WrittenStep, 'action' | 'args'>,
  context: z.core.$RefinementCtx,
): void {
  const known = name === undefined ? null : actionNamed(name)
  const problem = known === null ? null : argsProblem(known, given)
  if (problem !== null) {
    context.addIssue({ code: 'custom', path: ['args'], message: problem, input: given })
  }
}

function checkRung(one: WrittenRung, context: z.core.$RefinementCtx): void {
  const fail = (message: string): void => {
    context.addIssue({ code: 'custom', message, input: one })
  }
  const ways = [one.action, one.parallel, one.steps].filter((way) => way !== undefined)
  if (ways.length !== 1) fail('one of `action`, `parallel` and `steps`')
  checkCall(one, context)
  const steps = stepsOf(one)
  for (const [i, { onSuccess, onFailure }] of steps.entries()) {
    const far = [onSuccess, onFailure].find((to) => typeof to === 'number' && to >= steps.length)
    if (far !== undefined) fail(`step ${far} of ${steps.length}: steps count from 0`)
    if (onSuccess !== null && onSuccess <= i) fail(`onSuccess leads on, not back to ${onSuccess}`)
  }
  if (one.rolling === true && !steps.every(({ actions }) => actions.every(isOfInstance))) {
    fail('`rolling` is for actions on an instance')
  }
}

function isOfInstance({ action: name }: PlanAction): boolean {
  return ACTIONS[name].target === 'instance'
}

function stepsOf({ steps, rolling: _rolling, ...own }: WrittenRung): readonly PlanStep[] {
  return (steps ?? [own]).map(stepOf)
}

function stepOf(one: WrittenStep): PlanStep {
  const calls = one.parallel ?? (one.action === undefined ? [] : [{ ...one, action: one.action }])
  return {
    actions: calls.flatMap((called) => {
      const name = actionNamed(called.action)
      return name === null ? [] : [{ action: name, args: called.args ?? {} }]
    }),
    timeoutMs: one.timeout ?? STEP_TIMEOUT_MS,
    holdMs: one.hold ?? 0,
    gate: one.gate ?? null,
    onSuccess: one.onSuccess ?? null,
    onFailure: one.onFailure ?? 'fail',
  }
}

/** The plan of a ladder. */
export function planOfLadder(rungs: readonly WrittenRung[]): Plan {
  return planOf(
    rungs.map((one) => ({ steps: stepsOf(one), rolling: one.rolling === true })),
    false,
  )
}

/** The plan of a policy with one action. */
export function planOfAction(called: PlanAction): Plan {
  return planOf([{ steps: [stepOf(called)], rolling: false }], true)
}

function planOf(rungs: readonly Rung[], repeats: boolean): Plan {
  const isWhole = rungs.some(
    ({ steps, rolling }) => rolling || !steps.every(({ actions }) => actions.every(isOfInstance)),
  )
  return { rungs, repeats, target: isWhole ? 'service' : 'instance' }
}

/** Every gate of a plan, to be compiled. */
export function gatesOf({ rungs }: Plan): readonly string[] {
  return rungs.flatMap(({ steps }) => steps.flatMap(({ gate }) => (gate === null ? [] : [gate])))
}

/** `deregister beside restart_instance`. */
export function stepText({ actions }: PlanStep): string {
  return actions.map(({ action: name }) => name).join(' beside ')
}

/** What a rung does, for people: `drain, then restart_instance`. */
export function rungText({ steps, rolling }: Rung): string {
  const text = steps.map(stepText).join(', then ')
  return rolling ? `${text}, one instance after another` : text
}
