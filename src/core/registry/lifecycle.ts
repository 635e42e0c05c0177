// The lifecycle of an instance as a table of what is said of it (from BEHAVIOUR_JUDGEMENT on; C-08,
// S1-08, S4-16, S4-17). What the table has no entry for is refused: it is a word about a life that
// has ended.
import type { Lifecycle, ServiceEvent } from '../../contracts/records.ts'
import type { Transitions } from '../kernel/machine.ts'

/** What can be said: events, a lease that ran out, a sign of life after that, a new incarnation. */
export const LIFE_WORDS = [
  'register',
  'register_standby',
  'renew',
  'announce',
  'drain',
  'deregister',
  'lapse',
  'sign_of_life',
  'new_life',
] as const
export type LifeWord = (typeof LIFE_WORDS)[number]

/**
 * Only a registration takes a drain back; a renewal, which every agent sends on its own, does not.
 * One whose lease ran out comes back by a renewal or a sign of life as what it was (`was`); one
 * that was deregistered only by a registration. A new incarnation of a registered instance stands
 * by until it registers (S0-47: no request before it is ready).
 */
export const LIFECYCLE_TABLE: Readonly<
  Record<Lifecycle, Partial<Readonly<Record<LifeWord, Lifecycle | 'was'>>>>
> = {
  unknown: {
    register: 'ready',
    register_standby: 'standby',
    renew: 'unknown',
    announce: 'unknown',
    drain: 'draining',
    deregister: 'gone',
    lapse: 'gone',
    sign_of_life: 'unknown',
    new_life: 'unknown',
  },
  standby: {
    register: 'ready',
    register_standby: 'standby',
    renew: 'standby',
    announce: 'standby',
    drain: 'draining',
    deregister: 'gone',
    lapse: 'gone',
    sign_of_life: 'standby',
    new_life: 'standby',
  },
  ready: {
    register: 'ready',
    register_standby: 'standby',
    renew: 'ready',
    announce: 'ready',
    drain: 'draining',
    deregister: 'gone',
    lapse: 'gone',
    sign_of_life: 'ready',
    new_life: 'standby',
  },
  draining: {
    register: 'ready',
    register_standby: 'standby',
    renew: 'draining',
    announce: 'draining',
    drain: 'draining',
    deregister: 'gone',
    lapse: 'gone',
    sign_of_life: 'draining',
    new_life: 'standby',
  },
  gone: {
    register: 'ready',
    register_standby: 'standby',
    renew: 'was',
    deregister: 'gone',
    sign_of_life: 'was',
    new_life: 'unknown',
  },
}

/** Which lifecycles follow on each, for whoever draws it or asks whether a move is one. */
export const LIFECYCLE_MOVES: Transitions<Lifecycle> = {
  unknown: ['standby', 'ready', 'draining', 'gone'],
  standby: ['ready', 'draining', 'gone'],
  ready: ['standby', 'draining', 'gone'],
  draining: ['standby', 'ready', 'gone'],
  gone: ['unknown', 'standby', 'ready', 'draining'],
}

/** The table as a picture with its words, for the documents. */
export const LIFECYCLE_DIAGRAM: string = pictureOf()

function pictureOf(): string {
  const lines = ['stateDiagram-v2', '  [*] --> unknown: sign_of_life', '  [*] --> ready: register']
  for (const from of ['unknown', 'standby', 'ready', 'draining', 'gone'] as const) {
    for (const to of LIFECYCLE_MOVES[from]) {
      const words = LIFE_WORDS.filter((word) => LIFECYCLE_TABLE[from][word] === to)
      const back =
        from === 'gone' ? LIFE_WORDS.filter((w) => LIFECYCLE_TABLE.gone[w] === 'was') : []
      const all = [...words, ...back]
      lines.push(`  ${from} --> ${to}: ${all.join(', ')}`)
    }
  }
  return lines.join('\n')
}

/**
 * The word of an event about an instance. A renewal with a lifecycle of its own says that it has
 * become ready, or is not any more (S0-47: failing readiness takes it out, nothing else), and it
 * registers one that is known by sight alone: a registry that was lost is filled again by it.
 */
export function wordOf({ action, lifecycle }: ServiceEvent, held: Lifecycle): LifeWord | null {
  switch (action) {
    case 'register':
      return registration(lifecycle)
    case 'renew':
      if (lifecycle === null || held === 'draining' || held === 'gone') return 'renew'
      return held === lifecycle ? 'renew' : registration(lifecycle)
    case 'deregister':
    case 'drain':
      return action
    case 'healthy':
    case 'unstable':
    case 'unhealthy':
      return 'announce'
    case 'unknown':
      return null
  }
}

function registration(lifecycle: Lifecycle | null): LifeWord {
  if (lifecycle === 'standby' || lifecycle === 'unknown') return 'register_standby'
  if (lifecycle === 'draining') return 'drain'
  return lifecycle === 'gone' ? 'deregister' : 'register'
}
