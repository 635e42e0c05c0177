// The guards: small rules that can refuse an action, asked in a fixed order, all of them every
// time, so that the record shows what each saw (DESIGN.md section 7, default guards; S0-42). The
// three that protect what works let an instance pass that takes no traffic anyway; that action
// still counts for cool-down, interval and rate.
import { formatDuration } from '../../contracts/duration.ts'
import type { GuardLimits } from '../../contracts/limits.ts'
import type { Mode, Pulse } from '../../contracts/records.ts'
import { PULSE_STALE_MS, QUIET_EVERY_MS } from '../fleet/term.ts'
import type { Group } from './group.ts'
import { type Answer, type Asked, atMost, percent, wait } from './guard-answer.ts'
import {
  approvalGuard,
  type CareInput,
  commonCauseGuard,
  freezeGuard,
  healShareGuard,
  stormGuard,
  zoneGuard,
} from './guards-of-many.ts'
import { RATE_SPAN_MS } from './history.ts'
import type { Hold } from './holds.ts'

/** Everything the guards may ask; plain values of one moment. */
export interface GuardInput {
  readonly nowMs: number
  readonly limits: GuardLimits
  readonly hold: Hold | null
  readonly mode: Mode
  /** First instance of its service in order of id. */
  readonly isFirst: boolean
  readonly behind: boolean
  readonly blind: boolean
  /** Nobody beside the instance, or nobody who is heard, cannot be asked to act. */
  readonly agent: 'none' | 'silent' | 'heard'
  /** Health is still low, but nothing that argues against the instance stands any more. */
  readonly easing: boolean
  /** Evidence that speaks for itself stands. */
  readonly selfEvident: boolean
  /** Onset of the evidence. */
  readonly onsetMs: number
  readonly settleMs: number
  readonly registeredAtMs: number
  /** This incarnation has been seen well. */
  readonly wasWell: boolean
  readonly transitions: number
  readonly group: Group
  readonly coolUntilMs: number | null
  readonly serviceLastMs: number | null
  readonly recentMs: readonly number[]
  readonly ineffectiveMs: readonly number[]
  readonly openCommand: string | null
  /** What the fleet task has said; null: by a behaviour that knows nothing of it. */
  readonly fleet: FleetInput | null
  /** What is asked from behaviour 3 on; null: by an older one. */
  readonly care: CareInput | null
}

export interface FleetInput {
  readonly pulse: Pulse | null
  /** Tokens in hand. */
  readonly tokens: number
}

type Guard = (input: GuardInput) => Answer

function holdGuard({ hold }: GuardInput): Answer {
  if (hold === null) return { passed: true, value: 'none', limit: 'none' }
  const value = `${hold.kind} ${hold.id} by ${hold.actor}: ${hold.reason}`
  return { passed: false, value, limit: 'none', until_ms: hold.expiresAtMs, cause: hold.id }
}

function modeGuard({ mode, isFirst }: GuardInput): Answer {
  const passed = mode === 'enforce' || (mode === 'canary' && isFirst)
  const value = mode === 'canary' && !isFirst ? 'canary, not the first instance' : mode
  return { passed, value, limit: 'enforce, or canary on the first instance' }
}

function behindGuard({ behind }: GuardInput): Answer {
  return { passed: !behind, value: behind ? 'behind the log' : 'caught up', limit: 'caught up' }
}

function blindGuard({ blind }: GuardInput): Answer {
  return { passed: !blind, value: blind ? 'all sources silent' : 'sources heard', limit: 'heard' }
}

function agentGuard({ agent }: GuardInput): Answer {
  return { passed: agent === 'heard', value: agent, limit: 'an agent that is heard', cause: agent }
}

function evidenceGuard({ easing }: GuardInput): Answer {
  const value = easing ? 'no deviation any more, health is easing' : 'stands'
  return { passed: !easing, value, limit: 'evidence that stands' }
}

/** As long as inferred evidence has to stand: the longer, the more we doubt ourselves. */
function settleMsOf({ settleMs, care }: GuardInput): number {
  return Math.max(settleMs * (care?.doubt.factor ?? 1), care?.unheardMs ?? 0)
}

/** `3 s, 2 times as long: reading is 2.5 s late`. */
function settleText(input: GuardInput): string {
  const settleMs = settleMsOf(input)
  const text = formatDuration(settleMs)
  if (settleMs === input.care?.unheardMs) return `${text} of nothing but silence`
  const { factor, why } = input.care?.doubt ?? { factor: 1, why: [] }
  return factor === 1 ? text : `${text}, ${factor} times as long: ${why.join(', ')}`
}

function settleGuard(input: GuardInput): Answer {
  const { nowMs, selfEvident, onsetMs } = input
  const limit = settleText(input)
  if (selfEvident) return { passed: true, value: 'self-evident', limit }
  const value = `stands for ${formatDuration(nowMs - onsetMs)}`
  return wait({ value, limit, untilMs: onsetMs + settleMsOf(input), nowMs })
}

function warmUpGuard({ nowMs, wasWell, registeredAtMs, limits }: GuardInput): Answer {
  const limit = formatDuration(limits.warmUpMs)
  if (wasWell) return { passed: true, value: 'has been well', limit }
  const value = `registered ${formatDuration(nowMs - registeredAtMs)} ago, not well yet`
  return wait({ value, limit, untilMs: registeredAtMs + limits.warmUpMs, nowMs })
}

function flappingGuard({ transitions, limits }: GuardInput): Answer {
  const limit = `fewer than ${limits.flapTransitions} in ${formatDuration(limits.flapSpanMs)}`
  return { passed: transitions < limits.flapTransitions, value: `${transitions} changes`, limit }
}

function lastRoutableGuard({ group }: GuardInput): Answer {
  const value = `${group.routableOthers} others of ${group.n}`
  const passed = !group.targetRoutable || group.routableOthers >= 1
  return { passed, value: routableText(group, value), limit: 'at least 1 other' }
}

function routableShareGuard({ group, limits }: GuardInput): Answer {
  const limit = `${percent(limits.routableShareMin)} from ${limits.groupMin} instances on`
  const share = group.n === 0 ? 0 : group.routableOthers / group.n
  const value = `${percent(share)} left of ${group.n}`
  const small = group.n < limits.groupMin
  const passed = !group.targetRoutable || small || share >= limits.routableShareMin
  return { passed, value: routableText(group, value), limit }
}

function outShareGuard({ group, limits }: GuardInput): Answer {
  const most = atMost(limits.outShareMax, group.n)
  const value = `${group.outByHand} of ${group.n} out already`
  const passed = !group.targetRoutable || group.outByHand + 1 <= most
  return { passed, value: routableText(group, value), limit: `at most ${most} out` }
}

function cooldownGuard({ nowMs, coolUntilMs }: GuardInput): Answer {
  const limit = 'cool-down over'
  if (coolUntilMs === null) return { passed: true, value: 'never acted', limit }
  const left = formatDuration(coolUntilMs - nowMs)
  const value = coolUntilMs <= nowMs ? 'over' : `${left} left`
  return { ...wait({ value, limit, untilMs: coolUntilMs, nowMs }), cause: String(coolUntilMs) }
}

function serviceIntervalGuard({ nowMs, serviceLastMs, limits }: GuardInput): Answer {
  const limit = `one per ${formatDuration(limits.serviceIntervalMs)}`
  if (serviceLastMs === null) return { passed: true, value: 'never acted', limit }
  const value = `last ${formatDuration(nowMs - serviceLastMs)} ago`
  const untilMs = serviceLastMs + limits.serviceIntervalMs
  return { ...wait({ value, limit, untilMs, nowMs }), cause: String(serviceLastMs) }
}

function rateGuard({ recentMs, limits }: GuardInput): Answer {
  const limit = `${limits.perMinute} per minute`
  const passed = recentMs.length < limits.perMinute
  const oldest = recentMs[recentMs.length - limits.perMinute]
  const untilMs = passed || oldest === undefined ? null : oldest + RATE_SPAN_MS
  return { passed, value: `${recentMs.length} in the last minute`, limit, until_ms: untilMs }
}

function ineffectiveGuard({ ineffectiveMs, limits }: GuardInput): Answer {
  const span = formatDuration(limits.ineffectiveSpanMs)
  const passed = ineffectiveMs.length < limits.ineffectiveMax
  const value = `${ineffectiveMs.length} attempts without effect`
  return { passed, value, limit: `fewer than ${limits.ineffectiveMax} in ${span}` }
}

function openCommandGuard({ openCommand }: GuardInput): Answer {
  return { passed: openCommand === null, value: openCommand ?? 'none', limit: 'none under way' }
}

/**
 * What is only inferred needs a word of the whole fleet from after it has settled; what speaks for
 * itself does without one, but nothing is done in a fleet that is known to be blind.
 */
function pulseGuard(input: GuardInput): Answer {
  const { nowMs, selfEvident, onsetMs } = input
  const settleMs = settleMsOf(input)
  const pulse = input.fleet?.pulse ?? null
  const limit = `a pulse of the fleet task, ${formatDuration(settleMs)} after the onset or later`
  const agoMs = pulse === null ? null : Math.max(0, nowMs - pulse.as_of_ms)
  if (pulse !== null && agoMs !== null && agoMs <= PULSE_STALE_MS) {
    if (pulse.blind) return blindFleet(pulse)
    const value = `as of ${formatDuration(agoMs)} ago`
    const isEarly = !selfEvident && pulse.as_of_ms < onsetMs + settleMs
    return { passed: !isEarly, value, limit, cause: 'early' }
  }
  if (selfEvident) return { passed: true, value: 'self-evident', limit }
  const last = agoMs === null ? 'none yet' : `the last one as of ${formatDuration(agoMs)} ago`
  const value = `${last}; does the fleet task run? see healstream tasks`
  return { passed: false, value, limit, cause: agoMs === null ? 'none' : 'stale' }
}

function blindFleet({ reporters_expected: expected, reporters_seen: seen }: Pulse): Answer {
  const value = `the fleet is blind: ${expected - seen} of ${expected} agents are missing`
  return { passed: false, value, limit: 'enough agents heard', cause: 'blind' }
}

/** One token of the fleet's budget for each command (DESIGN.md section 5, budgets are leases). */
function budgetGuard({ nowMs, fleet }: GuardInput): Answer {
  const limit = '1 token of the fleet'
  const tokens = fleet?.tokens ?? 0
  if (tokens > 0) return { passed: true, value: `${tokens} in hand`, limit }
  const heardMs = fleet?.pulse?.as_of_ms ?? null
  const isHeard = heardMs !== null && nowMs - heardMs <= QUIET_EVERY_MS + PULSE_STALE_MS
  if (isHeard) return { passed: false, value: 'none in hand, one is asked for', limit }
  const value = 'none in hand, and the fleet task, who gives them, is not heard'
  return { passed: false, value: `${value}; see healstream tasks`, limit, cause: 'unheard' }
}

function routableText(group: Group, value: string): string {
  return group.targetRoutable ? value : `${value}; the target takes no traffic`
}

/** A guard of behaviour 3; one that an older behaviour asks for by mistake refuses nothing. */
function ofCare(ask: (care: CareInput, input: GuardInput) => Answer): Guard {
  return (input) =>
    input.care === null
      ? { passed: true, value: 'not asked', limit: 'none' }
      : ask(input.care, input)
}

/**
 * In the order in which they are asked.
 *
 * | guard            | refuses                                                                    |
 * | hold             | while a person holds the fleet, service, instance or policy                |
 * | mode             | observe and dry_run; canary on all but the first instance of a service     |
 * | freeze           | in the freeze windows of the GuardSets                                     |
 * | behind           | a step that has not caught up with the log                                 |
 * | blind            | while all sources of the partition are silent                              |
 * | agent            | no agent beside the instance, or one that is not heard                     |
 * | evidence         | health that is only waiting to ease: what was wrong is gone               |
 * | settle           | inferred evidence that has not stood long enough                           |
 * | warm_up          | a new incarnation that has not been well yet                               |
 * | flapping         | an instance that keeps changing: hands off                                 |
 * | zone             | a second zone at a time; one that is sick as a whole                       |
 * | storm            | while too few of the service or of the fleet are healthy                   |
 * | common_cause     | what too many of a service, zone or version have at once                   |
 * | last_routable    | the last instance that can take traffic                                    |
 * | routable_share   | when too few would be left                                                 |
 * | out_share        | when too many are out by our hand                                          |
 * | heal_share       | when too many are in our hand, routable or not                             |
 * | cooldown         | the same policy on the same target too soon                                |
 * | service_interval | a second action on the service too soon                                    |
 * | rate             | more actions of this task in a minute than allowed                         |
 * | ineffective      | after several attempts without effect: a person                            |
 * | open_command     | while a command for the target is under way                                |
 * | pulse            | inferred evidence without a fresh pulse; everything in a blind fleet       |
 * | approval         | while people who have to approve have not, or somebody denies              |
 * | budget           | without a token of the fleet's budget                                      |
 *
 * `pulse` and `budget` are asked from behaviour 2 on; `freeze`, `zone`, `storm`, `common_cause`,
 * `heal_share` and `approval` from behaviour 3 on. People are asked when nothing else but the
 * budget stands against the action, and a token when nothing else at all does.
 */
export const GUARDS: readonly (readonly [name: string, guard: Guard])[] = [
  ['hold', holdGuard],
  ['mode', modeGuard],
  ['freeze', ofCare(freezeGuard)],
  ['behind', behindGuard],
  ['blind', blindGuard],
  ['agent', agentGuard],
  ['evidence', evidenceGuard],
  ['settle', settleGuard],
  ['warm_up', warmUpGuard],
  ['flapping', flappingGuard],
  ['zone', ofCare(zoneGuard)],
  ['storm', ofCare(stormGuard)],
  ['common_cause', ofCare(commonCauseGuard)],
  ['last_routable', lastRoutableGuard],
  ['routable_share', routableShareGuard],
  ['out_share', outShareGuard],
  ['heal_share', ofCare(healShareGuard)],
  ['cooldown', cooldownGuard],
  ['service_interval', serviceIntervalGuard],
  ['rate', rateGuard],
  ['ineffective', ineffectiveGuard],
  ['open_command', openCommandGuard],
  ['pulse', pulseGuard],
  ['approval', ofCare(approvalGuard)],
  ['budget', budgetGuard],
]
/** Those that ask what the fleet task has said. */
const OF_FLEET: readonly string[] = ['pulse', 'budget']
const OF_CARE: readonly string[] = [
  'freeze',
  'zone',
  'storm',
  'common_cause',
  'heal_share',
  'approval',
]
/** Asked also of what takes nothing away, such as a diagnosis or a message. */
export const GUARDS_OF_HARMLESS: readonly string[] = [
  'hold',
  'mode',
  'behind',
  'cooldown',
  'open_command',
]

/** Asks every guard; the action passes when all do. `harmless`: it takes nothing away. */
export function askGuards(input: GuardInput, harmless: boolean = false): readonly Asked[] {
  const asked = GUARDS.filter(([guard]) => {
    if (harmless && !GUARDS_OF_HARMLESS.includes(guard)) return false
    if (input.fleet === null && OF_FLEET.includes(guard)) return false
    return input.care !== null || !OF_CARE.includes(guard)
  })
  return asked.map(([guard, ask]) => {
    const { passed, value, limit, until_ms: until = null, cause = '' } = ask(input)
    return { guard, passed, value, limit, until_ms: until, cause }
  })
}
