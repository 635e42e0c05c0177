// What healing can do: every action with its name in policies, its name on the wire, whether it
// takes something that works out of service, what it acts on, its arguments and what takes it back.
// docs/incidents.md shows this table and a test holds both equal. Nothing outside it is ever
// carried out (S0-41, S0-43).
import { parseDuration } from './duration.ts'
import { idProblem } from './ids.ts'
import { didYouMean } from './suggest.ts'

type ArgType = 'id' | 'count' | 'percent' | 'duration' | 'number' | 'word'

export interface ArgSpec {
  readonly type: ArgType
  readonly text: string
  readonly required?: true
  /** All it can be; of a `word`. */
  readonly words?: readonly string[]
}

type Args = Readonly<Record<string, ArgSpec>>

export interface ActionSpec {
  /** As it stands in `Command.action`; null: the task itself carries it out, without an agent. */
  readonly wire: CommandAction | null
  /** Takes an instance, or part of its traffic, out of service: guards and budgets apply. */
  readonly disruptive: boolean
  readonly target: 'instance' | 'service'
  /** What a policy may give. */
  readonly args: Args
  /** What a command carries; absent: what the policy gives. */
  readonly wireArgs?: Args
  /** Takes it back when its plan ends or fails. */
  readonly inverse: ActionName | null
  /** What has to be seen before it counts as effective; `nothing`: it is done when it is done. */
  readonly effect: 'new_incarnation' | 'well' | 'nothing'
  readonly text: string
}

const PERCENT_TEXT = 'share of its normal traffic, 0 to 100'
const TO: ArgSpec = { type: 'id', text: 'version to go back to; absent: the one before' }
const CONFIG: ArgSpec = { type: 'id', text: 'configuration of agents', required: true }
const NEEDS: Args = {
  cpu: { type: 'number', text: 'cores it needs' },
  memory: { type: 'number', text: 'memory it needs, MiB' },
}

export type ActionName =
  | 'restart_instance'
  | 'isolate'
  | 'unisolate'
  | 'drain'
  | 'set_weight'
  | 'scale'
  | 'migrate_instance'
  | 'reschedule'
  | 'restore'
  | 'rollback_app'
  | 'rollback_config'
  | 'shift_traffic'
  | 'deregister'
  | 'diagnose'
  | 'notify'
  | 'none'
  | 'escalate'

/** Actions that become commands, as they stand on the wire. */
export const COMMAND_ACTIONS = [
  'restart',
  'scale',
  'migrate',
  'reschedule',
  'restore',
  'rollback_app',
  'rollback_config',
  'shift_traffic',
  'deregister',
  'diagnose',
] as const
export type CommandAction = (typeof COMMAND_ACTIONS)[number]

export const ACTIONS: Readonly<Record<ActionName, ActionSpec>> = {
  restart_instance: {
    wire: 'restart',
    disruptive: true,
    target: 'instance',
    args: {},
    inverse: null,
    effect: 'new_incarnation',
    text: 'ends the process and starts it anew',
  },
  isolate: {
    wire: null,
    disruptive: true,
    target: 'instance',
    args: {},
    inverse: 'unisolate',
    effect: 'well',
    text: 'takes it out of routing; it goes on running',
  },
  unisolate: {
    wire: null,
    disruptive: false,
    target: 'instance',
    args: {},
    inverse: null,
    effect: 'nothing',
    text: 'takes our isolation, drain or weight back',
  },
  drain: {
    wire: null,
    disruptive: true,
    target: 'instance',
    args: { timeout: { type: 'duration', text: 'waits this long for requests in flight, 30s' } },
    inverse: 'unisolate',
    effect: 'well',
    text: 'isolates it and waits until nothing is in flight, then goes on (S3-38)',
  },
  set_weight: {
    wire: null,
    disruptive: true,
    target: 'service',
    args: {
      version: { type: 'id', text: 'instances of this version get `percent`', required: true },
      percent: { type: 'percent', text: PERCENT_TEXT, required: true },
      others: { type: 'percent', text: 'share of all other instances', required: true },
    },
    inverse: 'unisolate',
    effect: 'nothing',
    text: 'weights of a version and of all others, together 100 (S0-46)',
  },
  scale: {
    wire: 'scale',
    disruptive: false,
    target: 'service',
    args: {
      metric: { type: 'id', text: 'fact, or metrics.NAME, whose mean is held', required: true },
      target: { type: 'number', text: 'where it is held', required: true },
      min: { type: 'count', text: 'least replicas', required: true },
      max: { type: 'count', text: 'most replicas', required: true },
    },
    wireArgs: { replicas: { type: 'count', text: 'replicas wanted', required: true } },
    inverse: null,
    effect: 'nothing',
    text: 'changes the number of replicas (S0-50)',
  },
  migrate_instance: {
    wire: 'migrate',
    disruptive: true,
    target: 'instance',
    args: {},
    inverse: null,
    effect: 'new_incarnation',
    text: 'starts it anew elsewhere, waits until it is ready, drains and stops the old one (S2-47)',
  },
  reschedule: {
    wire: 'reschedule',
    disruptive: true,
    target: 'instance',
    args: NEEDS,
    wireArgs: {
      ...NEEDS,
      fence: { type: 'count', text: 'incarnation that must not serve any more', required: true },
    },
    inverse: null,
    effect: 'new_incarnation',
    text: 'starts it on another host that has room for it (S3-29 to S3-31)',
  },
  restore: {
    wire: 'restore',
    disruptive: true,
    target: 'instance',
    args: { snapshot: { type: 'id', text: 'which one; absent: the newest good one' } },
    inverse: null,
    effect: 'new_incarnation',
    text: 'puts its data back from a snapshot and starts it anew (S1-51)',
  },
  rollback_app: {
    wire: 'rollback_app',
    disruptive: true,
    target: 'instance',
    args: { to: TO },
    inverse: null,
    effect: 'new_incarnation',
    text: 'switches back to an older version of the software (S3-42)',
  },
  rollback_config: {
    wire: 'rollback_config',
    disruptive: false,
    target: 'service',
    args: {
      name: CONFIG,
      to: { type: 'count', text: 'version to go back to; absent: the newest other one before' },
    },
    wireArgs: {
      name: CONFIG,
      from: { type: 'count', text: 'version that is in force, or nothing is done', required: true },
      to: { type: 'count', text: 'version whose document is published anew', required: true },
    },
    inverse: null,
    effect: 'well',
    text: 'publishes an older version of a configuration as a new one (S3-43)',
  },
  shift_traffic: {
    wire: 'shift_traffic',
    disruptive: true,
    target: 'service',
    args: {
      to: { type: 'id', text: 'pool, zone or version that takes it', required: true },
      percent: { type: 'percent', text: 'share of all traffic', required: true },
    },
    inverse: null,
    effect: 'well',
    text: 'moves traffic of the service elsewhere at its balancer (S0-43)',
  },
  deregister: {
    wire: 'deregister',
    disruptive: true,
    target: 'instance',
    args: {},
    inverse: null,
    effect: 'nothing',
    text: 'takes the failed incarnation, and no later one, out of the registry (S1-42)',
  },
  diagnose: {
    wire: 'diagnose',
    disruptive: false,
    target: 'instance',
    args: { what: { type: 'word', text: 'what is looked for', words: ['all', 'memory_leak'] } },
    inverse: null,
    effect: 'nothing',
    text: 'looks closer and reports what it finds (S0-54, S0-55)',
  },
  notify: {
    wire: null,
    disruptive: false,
    target: 'instance',
    args: { to: { type: 'id', text: 'a tier or a route of the alerts', required: true } },
    inverse: null,
    effect: 'nothing',
    text: 'tells people',
  },
  none: {
    wire: null,
    disruptive: false,
    target: 'instance',
    args: {},
    inverse: null,
    effect: 'well',
    text: 'does nothing and sees whether it recovers by itself',
  },
  escalate: {
    wire: null,
    disruptive: false,
    target: 'instance',
    args: {},
    inverse: null,
    effect: 'nothing',
    text: 'leaves the incident to a person',
  },
}

export const ACTION_NAMES: readonly ActionName[] = Object.keys(ACTIONS).filter(isActionName)
/** Old names that documents may still use (S0-41). */
export const ACTION_ALIASES: Readonly<Record<string, ActionName>> = {
  restart_service: 'restart_instance',
}

export function isActionName(name: string): name is ActionName {
  return Object.hasOwn(ACTIONS, name)
}

/** The action that `name` means, by its own name or an old one; null: none does. */
export function actionNamed(name: string): ActionName | null {
  const known = Object.hasOwn(ACTION_ALIASES, name) ? ACTION_ALIASES[name] : undefined
  return known ?? (isActionName(name) ? name : null)
}

const BY_WIRE: ReadonlyMap<string, ActionName> = new Map(
  ACTION_NAMES.flatMap((name) => {
    const { wire } = ACTIONS[name]
    return wire === null ? [] : [[wire, name] as const]
  }),
)

/** The action of a command, or null for one that nobody knows. */
export function actionOfCommand(wire: string): ActionName | null {
  return BY_WIRE.get(wire) ?? null
}

const ARG_MAX = 256

/** What is wrong with the arguments a policy gives an action, in words, or null. */
export function argsProblem(
  action: ActionName,
  args: Readonly<Record<string, string>>,
): string | null {
  const problem = checkArgs(action, ACTIONS[action].args, args)
  if (problem !== null) return problem
  const { percent, others, min, max } = args
  const isWhole = percent === undefined || others === undefined
  if (!isWhole && Number(percent) + Number(others) !== 100) return '`percent` and `others` make 100'
  const isOrdered = min === undefined || max === undefined || Number(min) <= Number(max)
  return isOrdered ? null : '`min` is not above `max`'
}

/** What is wrong with the arguments of a command, in words, or null. */
export function wireArgsProblem(
  action: ActionName,
  args: Readonly<Record<string, string>>,
): string | null {
  const { wireArgs, args: own } = ACTIONS[action]
  return checkArgs(action, wireArgs ?? own, args)
}

function checkArgs(
  action: ActionName,
  specs: Args,
  args: Readonly<Record<string, string>>,
): string | null {
  const known = Object.keys(specs)
  for (const [name, value] of Object.entries(args)) {
    const spec = Object.hasOwn(specs, name) ? specs[name] : undefined
    if (spec === undefined) {
      if (known.length === 0) return `${action} takes no arguments`
      const hint = didYouMean(name, known)
      const meant = hint === null ? '' : `; ${hint}`
      return `an argument of ${action} is one of ${known.join(', ')}${meant}`
    }
    const wanted = valueProblem(spec, value)
    if (wanted !== null) return `argument ${name} of ${action} is ${wanted}`
  }
  const missing = known.find((name) => specs[name]?.required === true && !Object.hasOwn(args, name))
  return missing === undefined ? null : `${action} needs the argument ${missing}`
}

const WHOLE = /^(?:0|[1-9]\d{0,8})$/
const DECIMAL = /^(?:0|[1-9]\d{0,8})(?:\.\d{1,6})?$/

function valueProblem({ type, words = [] }: ArgSpec, value: string): string | null {
  if (value.length > ARG_MAX) return `at most ${ARG_MAX} characters`
  switch (type) {
    case 'id':
      return idProblem(value) === null ? null : 'an id'
    case 'count':
      return WHOLE.test(value) && value !== '0' ? null : 'a whole number from 1 on'
    case 'percent':
      return WHOLE.test(value) && Number(value) <= 100 ? null : 'a whole number from 0 to 100'
    case 'number':
      return DECIMAL.test(value) ? null : 'a number such as 70 or 0.5'
    case 'duration':
      return parseDuration(value) === null ? 'a duration such as 30s' : null
    case 'word':
      return words.includes(value) ? null : `one of ${words.join(', ')}`
  }
}
