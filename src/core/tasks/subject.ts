// One instance as the service task holds it: its registry entry, its vital signs, and what was last
// judged of it.
import { type AgentId, agentId, type InstanceId, type ServiceId } from '../../contracts/ids.ts'
import type { Health, Lifecycle, Link } from '../../contracts/records.ts'
import { viewKey } from '../../contracts/view-key.ts'
import { recentFlips, standing } from '../health/health.ts'
import type { Source } from '../health/silence.ts'
import type { Tuning } from '../health/sense.ts'
import { newVital, type Vital } from '../health/vital.ts'
import { loadVital, saveVital } from '../health/vital-image.ts'
import type { Figures, Finding, InstanceFacts, SpanMs } from '../kernel/facts.ts'
import { present } from '../kernel/assert.ts'
import { type Metrics, NO_METRICS, NO_SIGNS, type Signs } from '../kernel/signs.ts'
import { FORM_JUDGEMENT, type ImageReader, type ImageWriter } from '../kernel/image.ts'
import {
  MARKS,
  NEXT_MS,
  QUEUED_MS,
  SENSE_SEC,
  SILENCE_MS,
  type Slots,
  SOURCE,
  SOURCE_GENERATION,
} from '../kernel/slots.ts'
import { type Entry, lifecycleOf } from '../registry/entry.ts'
import { CALM, DIRTY, FAILING, FLIPPED, HEARD, JUDGED, MOVED } from './marks.ts'
import { SENSED, TOLD, UNKNOWN, UNTOLD } from './marks.ts'
import type { Told } from './views.ts'

/** Slot of one that has left, and a generation that no source ever has. */
const NOBODYS = 0
const NO_GENERATION = -1

/** How a subject counts in its service. */
export interface Counted {
  readonly health: Health
  readonly routable: boolean
}

export class Subject {
  readonly entry: Entry
  readonly vital: Vital
  /** `viewKey` of service and instance. */
  readonly key: string
  /** Of its entry; that of nobody when it has left. */
  slot: number
  /** Place in the order of its service. */
  rank: number = 0
  /** As its service counts it; null: not at all. */
  counted: Counted | null = null
  readonly slots: Slots
  private judgedFacts: SubjectFacts | null = null
  private toldView: Told | null = null
  private agentSource: Source | null = null

  constructor(entry: Entry, vital: Vital, slots: Slots) {
    this.entry = entry
    this.vital = vital
    this.key = viewKey(vital.service, vital.instance)
    this.slots = slots
    this.slot = entry.slot
    slots.setWord(this.slot, MARKS, DIRTY | MOVED | UNTOLD)
    this.nextMs = Number.POSITIVE_INFINITY
    slots.setDouble(this.slot, QUEUED_MS, Number.POSITIVE_INFINITY)
    this.source = null
  }

  /** Bits of marks.ts. */
  has(mark: number): boolean {
    return (this.slots.word(this.slot, MARKS) & mark) !== 0
  }

  mark(mark: number, is: boolean): void {
    this.slots.setMark(this.slot, mark, is)
  }

  /** Log time at which it must be judged again even if nothing happens; Infinity: never. */
  get nextMs(): number {
    return this.slots.double(this.slot, NEXT_MS)
  }

  set nextMs(atMs: number) {
    this.slots.setDouble(this.slot, NEXT_MS, atMs)
  }

  get facts(): SubjectFacts | null {
    return this.judgedFacts
  }

  set facts(facts: SubjectFacts | null) {
    this.judgedFacts = facts
    this.mark(JUDGED, facts !== null)
  }

  /** As it was told last; null: it was not. */
  get told(): Told | null {
    return this.toldView
  }

  set told(told: Told | null) {
    this.toldView = told
    this.mark(TOLD, told !== null)
  }

  /** The agent that counts for it, as long as it is the same and held. */
  get source(): Source | null {
    return this.agentSource
  }

  set source(source: Source | null) {
    this.agentSource = source
    this.slots.setWord(this.slot, SOURCE, source?.place ?? 0)
    this.slots.setWord(this.slot, SOURCE_GENERATION, source?.generation ?? NO_GENERATION)
  }

  /** It has left: what its slot says from now on is another's. */
  leave(): void {
    this.slot = NOBODYS
  }
}

export function newSubject(entry: Entry, nowMs: number, slots: Slots): Subject {
  const instance = present(entry.instance, 'instance of a subject')
  const at = { service: entry.service, instance }
  const vital = newVital(at, entry.incarnation, nowMs, { slots, slot: entry.slot })
  return new Subject(entry, vital, slots)
}

/** On its way out: what happens to it now is meant to happen. */
export function isLeaving(lifecycle: Lifecycle): boolean {
  return lifecycle === 'gone' || lifecycle === 'draining'
}

/** Whether a pane that leaves the window could change a verdict by itself. */
export function hangsOnEviction(
  { vital, facts }: { vital: Vital; facts: Pick<InstanceFacts, 'window'> | null },
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
  readonly from: FiguresOf
  readonly nowMs: number
}

/** Knows the figures of a subject as they are. */
export interface FiguresOf {
  figuresOf(subject: Subject, spanMs?: SpanMs): Figures
}

/** Facts as of a judgement, whose figures go on while nothing else changes. */
export class SubjectFacts implements InstanceFacts {
  readonly key: string
  readonly service: ServiceId
  readonly instance: InstanceId
  readonly incarnation: number
  readonly registeredAtMs: number
  readonly lifecycle: Lifecycle
  readonly link: Link
  readonly zone: string | null
  readonly host: string | null
  readonly metadata: Readonly<Record<string, string>>
  readonly appVersion: string | null
  readonly agent: AgentId | null
  readonly agentEpoch: number
  readonly health: Health
  readonly healthSinceMs: number
  transitions: number
  readonly findings: readonly Finding[]
  readonly notes: readonly Finding[]
  readonly probe: InstanceFacts['probe']
  private readonly subject: Subject
  private readonly from: FiguresOf

  constructor(subject: Subject, { from, nowMs }: Judged) {
    const { entry, vital, key } = subject
    const { probe } = vital
    this.key = key
    this.service = vital.service
    this.instance = vital.instance
    this.incarnation = vital.incarnation
    this.registeredAtMs = entry.registeredAtMs
    this.lifecycle = lifecycleOf(entry)
    this.link = entry.link
    this.zone = entry.zone
    this.host = entry.host
    this.metadata = entry.metadata
    this.appVersion = entry.appVersion
    this.agent = entry.agent === null ? null : agentId(entry.agent)
    this.agentEpoch = entry.agentEpoch
    this.health = vital.health
    this.healthSinceMs = vital.healthSinceMs
    this.transitions = recentFlips(vital, nowMs)
    this.findings = standing(vital)
    this.notes = vital.notes
    this.probe = probe === null ? null : { verdict: probe.verdict, atMs: probe.atMs }
    this.subject = subject
    this.from = from
  }

  get agentHeard(): boolean {
    return this.subject.has(HEARD)
  }

  get window(): Figures {
    return this.from.figuresOf(this.subject)
  }

  get signs(): Signs {
    return this.subject.vital.sense?.signs ?? NO_SIGNS
  }

  get metrics(): Metrics {
    return this.subject.vital.sense?.metrics ?? NO_METRICS
  }

  over(spanMs: SpanMs): Figures {
    return this.from.figuresOf(this.subject, spanMs)
  }
}

/** Facts follow from the rest, but for what was known only when the subject was judged. */
export function saveSubject(subject: Subject, to: ImageWriter): void {
  const { vital, nextMs, facts } = subject
  saveVital(vital, to)
  to.flag(subject.has(DIRTY))
    .numberOrNull(nextMs === Number.POSITIVE_INFINITY ? null : nextMs)
    .flag(facts !== null)
  if (facts !== null) to.flag(facts.agentHeard).int(facts.transitions)
  if (to.form >= FORM_JUDGEMENT) savePath(subject, to)
}

/** What the short way of judging goes by: one that goes on and one that is restored go the same. */
const PATH: number = MOVED | CALM | FAILING | UNKNOWN | FLIPPED

function savePath({ slot, slots }: Subject, to: ImageWriter): void {
  to.int(slots.word(slot, MARKS) & PATH).number(slots.double(slot, SILENCE_MS))
  to.int(slots.word(slot, SENSE_SEC) >>> 0)
}

/** Everybody is looked at once by whoever decides, as after any restore. */
function loadPath({ slot, slots }: Subject, from: ImageReader): void {
  slots.setWord(slot, MARKS, (slots.word(slot, MARKS) & ~PATH) | from.int() | SENSED)
  slots.setDouble(slot, SILENCE_MS, from.number())
  slots.setWord(slot, SENSE_SEC, from.int() | 0)
}

export function loadSubject(
  entry: Entry,
  slots: Slots,
  from: ImageReader,
  { figures, tuning }: { readonly figures: FiguresOf; readonly tuning: () => Tuning },
): Subject {
  const instance = present(entry.instance, 'instance of a subject')
  const berth = { slots, slot: entry.slot }
  const vital = loadVital({ service: entry.service, instance }, from, berth, tuning)
  const subject = new Subject(entry, vital, slots)
  subject.mark(DIRTY, from.flag())
  subject.mark(FAILING, vital.failures !== null)
  subject.nextMs = from.numberOrNull() ?? Number.POSITIVE_INFINITY
  if (from.flag()) {
    const [agentHeard, transitions] = [from.flag(), from.int()]
    subject.mark(HEARD, agentHeard)
    subject.facts = new SubjectFacts(subject, { from: figures, nowMs: 0 })
    subject.facts.transitions = transitions
  }
  if (from.form >= FORM_JUDGEMENT) loadPath(subject, from)
  return subject
}
