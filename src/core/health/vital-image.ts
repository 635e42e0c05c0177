// The part of an image that holds what is known of one instance beside its window.
import type { InstanceId, ServiceId } from '../../contracts/ids.ts'
import { present } from '../kernel/assert.ts'
import { loadPlace, savePlace } from './place.ts'
import type { Finding } from '../kernel/facts.ts'
import { FORM_JUDGEMENT, type ImageReader, type ImageWriter } from '../kernel/image.ts'
import { HEALTH_TABLE } from './health-table.ts'
import { Sense, type Tuning } from './sense.ts'
import { type Berth, newVital, type ProbeState, type Since, type Vital } from './vital.ts'

const VERDICTS = { up: true, down: true } as const
const CLASSES = { self_evident: true, inferred: true } as const
const SEVERITIES = { note: true, unstable: true, unhealthy: true } as const

export function saveVital(vital: Vital, to: ImageWriter): void {
  const { failures, probe, refused, exited, deltaPlace, findings, wasWell } = vital
  to.number(vital.incarnation).number(vital.heardAtMs)
  for (const periodMs of vital.periodsMs) to.number(periodMs)
  saveSince(failures, to)
  if (failures !== null) to.number(failures.count)
  to.number(vital.lastCountedMs).number(vital.answeredMs)
  saveSince(probe, to)
  if (probe !== null) {
    to.text(probe.verdict).number(probe.atMs).flag(probe.local).number(probe.failures)
    to.text(probe.reason)
    if (to.form >= FORM_JUDGEMENT) to.text(probe.profile)
  }
  saveSince(refused, to)
  saveSince(exited, to)
  if (exited !== null) to.text(exited.how)
  savePlace(deltaPlace, to)
  to.int(findings.size)
  for (const finding of findings.values()) saveFinding(finding, to)
  to.text(vital.health).number(vital.healthSinceMs).numberOrNull(vital.calmSinceMs)
  to.int(wasWell === null ? 0 : wasWell ? 1 : 2).numbers(vital.flipsMs)
  if (to.form < FORM_JUDGEMENT) return
  to.number(vital.toldMs)
  to.int(vital.notes.length)
  for (const note of vital.notes) saveFinding(note, to)
  to.flag(vital.sense !== null)
  vital.sense?.save(to)
}

/** Of the instance `at`; `tuning`: of its service. */
export function loadVital(
  at: { service: ServiceId; instance: InstanceId },
  from: ImageReader,
  berth: Berth,
  tuning: () => Tuning,
): Vital {
  const vital = newVital(at, from.number(), from.number(), berth)
  vital.periodsMs.forEach((_, i) => {
    vital.periodsMs[i] = from.number()
  })
  const failing = loadSince(from)
  vital.failures = failing === null ? null : { ...failing, count: from.number() }
  vital.lastCountedMs = from.number()
  vital.answeredMs = from.number()
  const probed = loadSince(from)
  vital.probe = probed === null ? null : loadProbe(probed, from)
  vital.refused = loadSince(from)
  const exited = loadSince(from)
  vital.exited = exited === null ? null : { ...exited, how: from.text() }
  vital.deltaPlace = loadPlace(from)
  for (const finding of from.list(() => loadFinding(from))) {
    vital.findings.set(finding.detector, finding)
  }
  vital.health = from.oneOf(HEALTH_TABLE)
  vital.healthSinceMs = from.number()
  vital.calmSinceMs = from.numberOrNull()
  vital.wasWell = [null, true, false][from.int()] ?? null
  vital.flipsMs.push(...from.numbers())
  if (from.form < FORM_JUDGEMENT) return vital
  vital.toldMs = from.number()
  const notes = from.list(() => loadFinding(from))
  if (notes.length > 0) vital.notes = notes
  if (!from.flag()) return vital
  vital.sense = new Sense(tuning())
  vital.sense.load(from)
  return vital
}

function loadProbe(since: Since, from: ImageReader): ProbeState {
  return {
    verdict: from.oneOf(VERDICTS),
    atMs: from.number(),
    ...since,
    local: from.flag(),
    failures: from.number(),
    reason: from.text(),
    profile: from.form >= FORM_JUDGEMENT ? from.text() : '',
  }
}

function saveSince(since: Since | null, to: ImageWriter): void {
  to.flag(since !== null)
  if (since === null) return
  to.number(since.sinceMs)
  savePlace(since.place, to)
}

function loadSince(from: ImageReader): Since | null {
  if (!from.flag()) return null
  return { sinceMs: from.number(), place: present(loadPlace(from), 'the place of a fact') }
}

function saveFinding(finding: Finding, to: ImageWriter): void {
  to.text(finding.detector).text(finding.class).text(finding.severity).number(finding.sinceMs)
  to.number(finding.value).number(finding.limit).text(finding.unit).text(finding.text)
  savePlace(finding.place, to)
}

function loadFinding(from: ImageReader): Finding {
  return {
    detector: from.text(),
    class: from.oneOf(CLASSES),
    severity: from.oneOf(SEVERITIES),
    sinceMs: from.number(),
    value: from.number(),
    limit: from.number(),
    unit: from.text(),
    text: from.text(),
    place: loadPlace(from),
  }
}
