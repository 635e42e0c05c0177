// One instance as the service task holds it: its registry entry, its vital signs, and what was last
// judged of it.
import { agentId } from '../../contracts/ids.ts'
import type { Lifecycle } from '../../contracts/records.ts'
import { recentFlips, standing } from '../health/health.ts'
import { loadVital, newVital, saveVital, type Vital } from '../health/vital.ts'
import type { Figures, InstanceFacts } from '../kernel/facts.ts'
import { present } from '../kernel/assert.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import type { Entry } from '../registry/entry.ts'

export interface Subject {
  readonly entry: Entry
  readonly vital: Vital
  /** Something happened since the last judgement. */
  dirty: boolean
  /** Log time at which it must be judged again even if nothing happens, or null. */
  nextMs: number | null
  facts: InstanceFacts | null
}

export function newSubject(entry: Entry, nowMs: number): Subject {
  const instance = present(entry.instance, 'instance of a subject')
  const vital = newVital({ service: entry.service, instance }, entry.incarnation, nowMs)
  return { entry, vital, dirty: true, nextMs: null, facts: null }
}

/** On its way out: what happens to it now is meant to happen. */
export function isLeaving(lifecycle: Lifecycle): boolean {
  return lifecycle === 'gone' || lifecycle === 'draining'
}

/** What judging found out besides the subject's own state. */
export interface Judged {
  readonly window: Figures
  readonly agentHeard: boolean
  readonly nowMs: number
}

export function factsOf({ entry, vital }: Subject, judged: Judged): InstanceFacts {
  const { probe } = vital
  const { window, agentHeard, nowMs } = judged
  return {
    service: vital.service,
    instance: vital.instance,
    incarnation: vital.incarnation,
    registeredAtMs: entry.registeredAtMs,
    lifecycle: entry.lifecycle,
    link: entry.link,
    zone: entry.zone,
    agent: entry.agent === null ? null : agentId(entry.agent),
    agentEpoch: entry.agentEpoch,
    agentHeard,
    health: vital.health,
    healthSinceMs: vital.healthSinceMs,
    transitions: recentFlips(vital, nowMs),
    findings: standing(vital),
    window,
    probe: probe === null ? null : { verdict: probe.verdict, atMs: probe.atMs },
  }
}

/** Facts follow from the rest, but for what was known only when the subject was judged. */
export function saveSubject({ vital, dirty, nextMs, facts }: Subject, to: ImageWriter): void {
  saveVital(vital, to)
  to.flag(dirty)
    .numberOrNull(nextMs)
    .flag(facts !== null)
  if (facts !== null) to.flag(facts.agentHeard).int(facts.transitions)
}

/** `windowOf`: the figures of the instance as they are. */
export function loadSubject(entry: Entry, from: ImageReader, window: Figures): Subject {
  const instance = present(entry.instance, 'instance of a subject')
  const vital = loadVital({ service: entry.service, instance }, from)
  const subject: Subject = {
    entry,
    vital,
    dirty: from.flag(),
    nextMs: from.numberOrNull(),
    facts: null,
  }
  if (!from.flag()) return subject
  const [agentHeard, transitions] = [from.flag(), from.int()]
  subject.facts = { ...factsOf(subject, { window, agentHeard, nowMs: 0 }), transitions }
  return subject
}
