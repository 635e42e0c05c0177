// What actions do to one another, for the static checks: which undo each other on the same target,
// and which facts an action can move, so that it can make the trigger of another policy come true.
import type { ActionName } from '../../contracts/action.ts'
import type { FactName } from './fact-table.ts'

export interface Call {
  readonly action: ActionName
  readonly args: Readonly<Record<string, string>>
}

/** What of a target an action takes into its hand. */
type Hand = 'process' | 'routing' | 'replicas' | 'settings' | 'nothing'

const HANDS: Readonly<Record<ActionName, Hand>> = {
  restart_instance: 'process',
  migrate_instance: 'process',
  reschedule: 'process',
  restore: 'process',
  rollback_app: 'process',
  isolate: 'routing',
  unisolate: 'routing',
  drain: 'routing',
  set_weight: 'routing',
  shift_traffic: 'routing',
  scale: 'replicas',
  deregister: 'replicas',
  rollback_config: 'settings',
  diagnose: 'nothing',
  notify: 'nothing',
  none: 'nothing',
  escalate: 'nothing',
}

/** Routing is taken away, given back, or set to a share. */
const OUT: readonly ActionName[] = ['isolate', 'drain']

type Way = 'up' | 'down' | 'either'

/**
 * Facts that move, beside the one the action is for. A process that ends takes its traffic with it:
 * the others get more of it.
 */
const MOVED: Readonly<Record<Hand, Readonly<Record<string, Way>>>> = {
  process: {
    n: 'either',
    cpu: 'either',
    memory_mib: 'down',
    p99_ms: 'up',
    error_rate: 'up',
    success_rate: 'down',
    run_queue_ms: 'up',
    score: 'down',
    transitions: 'up',
    service_healthy: 'down',
    service_error_rate: 'up',
    service_success_rate: 'down',
    service_p99_ms: 'up',
    zone_sick_share: 'up',
    version_sick_share: 'up',
  },
  routing: {
    n: 'either',
    cpu: 'either',
    p99_ms: 'either',
    error_rate: 'either',
    success_rate: 'either',
    run_queue_ms: 'either',
    service_error_rate: 'either',
    service_success_rate: 'either',
    service_p99_ms: 'either',
    service_n: 'down',
  },
  replicas: {
    n: 'either',
    cpu: 'either',
    p99_ms: 'either',
    run_queue_ms: 'either',
    service_instances: 'either',
    service_healthy: 'either',
    service_p99_ms: 'either',
    zone_sick_share: 'either',
    version_sick_share: 'either',
  },
  settings: {},
  nothing: {},
}

export function handOf(action: ActionName): Hand {
  return HANDS[action]
}

/** How an action moves a fact, also one over another window; null: not at all. */
export function wayOf({ action }: Call, fact: FactName): Way | null {
  const base = fact.replace(/_(?:10s|5m)$/, '')
  const moved = MOVED[handOf(action)]
  return Object.hasOwn(moved, base) ? (moved[base] ?? null) : null
}

/** Whether one takes back, or sets otherwise, what the other did to the same target. */
export function undoes(a: Call, b: Call): boolean {
  return opposes(a, b) || opposes(b, a)
}

function opposes(a: Call, b: Call): boolean {
  if (OUT.includes(a.action)) return b.action === 'unisolate' || b.action === 'set_weight'
  if (a.action === 'set_weight' && b.action === 'unisolate') return true
  if (a.action === 'deregister')
    return ['scale', 'reschedule', 'restart_instance'].includes(b.action)
  return a.action === b.action && SETTING.includes(a.action) && isOtherwise(a.args, b.args)
}

/** Actions that set something: with other arguments, each undoes what the other set. */
const SETTING: readonly ActionName[] = [
  'set_weight',
  'shift_traffic',
  'scale',
  'rollback_app',
  'rollback_config',
]

function isOtherwise(a: Call['args'], b: Call['args']): boolean {
  // Settings of two documents, or weights of two versions, have nothing to do with each other.
  const isApart = ['name', 'version'].some((name) => a[name] !== b[name])
  if (isApart) return false
  const names = new Set([...Object.keys(a), ...Object.keys(b)])
  return [...names].some((name) => a[name] !== b[name])
}
