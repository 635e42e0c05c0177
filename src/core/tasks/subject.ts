// One instance as the service task holds it: its registry entry, its vital signs, and what was last
// judged of it.
import { agentId } from '../../contracts/ids.ts'
import type { Health, Lifecycle } from '../../contracts/records.ts'
import { viewKey } from '../../contracts/view-key.ts'
import { recentFlips, standing } from '../health/health.ts'
import type { Source } from '../health/silence.ts'
import { loadVital, newVital, saveVital, type Vital } from '../health/vital.ts'
import type { Figures, InstanceFacts } from '../kernel/facts.ts'
import { present } from '../kernel/assert.ts'
import type { Queued } from '../kernel/due-queue.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import type { Entry } from '../registry/entry.ts'
import type { Told } from './views.ts'

/** Facts whose figures go on while nothing else changes. */
export interface SubjectFacts extends InstanceFacts {
  transitions: number
}

export interface Subject extends Queued {
  readonly entry: Entry
  readonly vital: Vital
  /** `viewKey` of service and instance. */
  readonly key: string
  /** Something happened since the last judgement. */
  dirty: boolean
  /** Its agent was heard within its limit, at the last judgement. */
  agentHeard: boolean
  /** Log time at which it must be judged again even if nothing happens; Infinity: never. */
  nextMs: number
  facts: SubjectFacts | null
  // What follows from the rest, kept at hand.
  /** In the windows, as long as it is of this generation. */
  row: number
  generation: number
  /** Place in the order of its service. */
  rank: number
  /** It is among those to be looked at in this step. */
  touched: boolean
  /** More than its counts may have changed since it was last judged. */
  moved: boolean
  /** `isCalm`, at the last full judgement, and the silence that ends it. */
  calm: boolean
  silenceMs: number
  /** More than its figures may have changed since it was last told. */
  untold: boolean
  /** The agent that counts for it, as long as it is the same and held. */
  source: Source | null
  /** New figures of it wait already. */
  waiting: boolean
  /** As it was told last, and whether its clock was believed then; null: it was not. */
  told: Told | null
  toldSkewed: boolean
  /** The last decision attends to it: an incident is open, or a trigger holds. */
  attended: boolean
  /** A pane that leaves the window could change its verdict. */
  hangs: boolean
  /** As its service counts it; null: not at all. */
  counted: { readonly health: Health; readonly routable: boolean } | null
}

export function newSubject(entry: Entry, nowMs: number): Subject {
  const instance = present(entry.instance, 'instance of a subject')
  const vital = newVital({ service: entry.service, instance }, entry.incarnation, nowMs)
  return subjectWith(entry, vital, { dirty: true, nextMs: Number.POSITIVE_INFINITY })
}

function subjectWith(
  entry: Entry,
  vital: Vital,
  { dirty, nextMs }: Pick<Subject, 'dirty' | 'nextMs'>,
): Subject {
  return {
    entry,
    vital,
    key: viewKey(vital.service, vital.instance),
    dirty,
    agentHeard: false,
    nextMs,
    facts: null,
    row: 0,
    generation: 0,
    rank: 0,
    touched: false,
    moved: true,
    calm: false,
    silenceMs: 0,
    untold: true,
    waiting: false,
    source: null,
    told: null,
    toldSkewed: false,
    attended: false,
    hangs: false,
    counted: null,
    queuedMs: Number.POSITIVE_INFINITY,
  }
}

/** On its way out: what happens to it now is meant to happen. */
export function isLeaving(lifecycle: Lifecycle): boolean {
  return lifecycle === 'gone' || lifecycle === 'draining'
}

/** Whether a pane that leaves the window could change a verdict by itself. */
export function hangsOnEviction(
  { vital, facts }: Subject,
  limitUs: number,
  least: number,
): boolean {
  if (vital.findings.has('success_rate') || vital.findings.has('latency_p99')) return true
  const window = facts?.window
  if (window === undefined || window.n < least) return false
  return window.errors > 0 || window.maxUs >= limitUs
}

/** What judging found out besides the subject's own state. */
export interface Judged {
  /** The figures as they are. */
  readonly window: () => Figures
  readonly nowMs: number
}

export function factsOf(subject: Subject, judged: Judged): SubjectFacts {
  const { entry, vital, key } = subject
  const { probe } = vital
  const { window, nowMs } = judged
  return {
    key,
    service: vital.service,
    instance: vital.instance,
    incarnation: vital.incarnation,
    registeredAtMs: entry.registeredAtMs,
    lifecycle: entry.lifecycle,
    link: entry.link,
    zone: entry.zone,
    agent: entry.agent === null ? null : agentId(entry.agent),
    agentEpoch: entry.agentEpoch,
    get agentHeard(): boolean {
      return subject.agentHeard
    },
    health: vital.health,
    healthSinceMs: vital.healthSinceMs,
    transitions: recentFlips(vital, nowMs),
    findings: standing(vital),
    get window(): Figures {
      return window()
    },
    probe: probe === null ? null : { verdict: probe.verdict, atMs: probe.atMs },
  }
}

/** Facts follow from the rest, but for what was known only when the subject was judged. */
export function saveSubject({ vital, dirty, nextMs, facts }: Subject, to: ImageWriter): void {
  saveVital(vital, to)
  to.flag(dirty)
    .numberOrNull(nextMs === Number.POSITIVE_INFINITY ? null : nextMs)
    .flag(facts !== null)
  if (facts !== null) to.flag(facts.agentHeard).int(facts.transitions)
}

/** `windowOf`: the figures of the instance as they are. */
export function loadSubject(
  entry: Entry,
  from: ImageReader,
  windowOf: (subject: Subject) => Figures,
): Subject {
  const instance = present(entry.instance, 'instance of a subject')
  const vital = loadVital({ service: entry.service, instance }, from)
  const dirty = from.flag()
  const nextMs = from.numberOrNull() ?? Number.POSITIVE_INFINITY
  const subject = subjectWith(entry, vital, { dirty, nextMs })
  if (!from.flag()) return subject
  const [agentHeard, transitions] = [from.flag(), from.int()]
  subject.agentHeard = agentHeard
  subject.facts = factsOf(subject, { window: () => windowOf(subject), nowMs: 0 })
  subject.facts.transitions = transitions
  return subject
}
