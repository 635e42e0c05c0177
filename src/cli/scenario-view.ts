// A scenario as a person watches it: what happens by its script, what is detected, decided, done or
// refused and why, the alerts as they are raised, and at the end what has come of it.
import type { Happened, Act, Refusal, Verdict } from '../roles/demo/verdict.ts'
import type { StoryRecord } from '../roles/demo/story.ts'
import type { Script } from '../roles/scenario/script.ts'
import type { IncidentEvent } from '../contracts/records.ts'
import { printable } from '../contracts/printable.ts'
import { duration, offset } from './table.ts'
import type { Terminal } from './terminal.ts'

type Paint = Terminal['paint']

/** Steps of an incident that another line tells, or that only explain reads. */
const TOLD_ELSEWHERE: ReadonlySet<IncidentEvent['event']> = new Set([
  'matched',
  'evidence',
  'commanded',
  'acted',
  'note',
])

export function storyLine(atMs: number, head: string, text: string): string {
  return `${offset(atMs).padStart(10)}  ${head} ${printable(text)}`
}

const word = (text: string): string => text.padEnd(10)

export function beginLines(name: string, { title, mustAct, endMs }: Script): readonly string[] {
  return [
    '',
    `scenario ${name}, ${duration(endMs)}: ${title}`,
    `what has to come of it: ${expectation(mustAct)}`,
    '',
  ]
}

function expectation(mustAct: readonly string[] | null): string {
  return mustAct === null ? 'nothing is done' : `${mustAct.join(', ')} and nobody else is acted on`
}

/** A line of the script; `sinceMs` is the time at which it began. */
export function happenedLine(
  { atMs, text }: Happened,
  { sinceMs, isSetUp, paint }: { sinceMs: number; isSetUp: boolean; paint: Paint },
): string {
  const head = isSetUp ? word('set up') : paint('red', word('HAPPENS'))
  return storyLine(atMs - sinceMs, head, text)
}

/** A line of the console sink, whose own time is left out. */
export function alertLine(line: string, atMs: number, paint: Paint): string {
  return storyLine(atMs, paint('yellow', word('alert')), line.slice(line.indexOf(' ') + 1))
}

/**
 * Tells records. What every task says in the same words, such as a hold or the state of the fleet,
 * is told once, until something else is said of it.
 */
export class PlayedLines {
  private readonly paint: Paint
  private readonly said = new Set<string>()
  private blind = ''

  constructor(paint: Paint) {
    this.paint = paint
  }

  /** Null: nothing new. */
  line(record: StoryRecord, sinceMs: number): string | null {
    if (record.kind === 'pulse') {
      const { blind, reporters_seen: seen } = record.pulse
      const now = blind ? String(seen) : ''
      const isNew = now !== this.blind
      this.blind = now
      return isNew ? playedLine(record, sinceMs, this.paint) : null
    }
    if (record.kind === 'incident' && record.event.incident_id === 'ops') {
      if (this.said.has(record.event.summary)) return null
      this.said.add(record.event.summary)
    }
    return playedLine(record, sinceMs, this.paint)
  }
}

/** The line of a record, or null where another one says the same. */
function playedLine(record: StoryRecord, sinceMs: number, paint: Paint): string | null {
  const line = (atMs: number, name: string, text: string): string =>
    storyLine(atMs - sinceMs, paint('bold', word(name)), text)
  if (record.kind === 'pulse') {
    const { blind, reporters_expected: expected, reporters_seen: seen } = record.pulse
    const text = `${expected - seen} of ${expected} agents are missing`
    return blind ? line(record.appendMs, 'blind', `${text}: nothing disruptive is done`) : null
  }
  if (record.kind === 'command') {
    const { action, target, policy } = record.command
    const text = `${action} ${target.instance} to ${target.agent} (policy ${policy})`
    return line(record.appendMs, 'command', text)
  }
  if (record.kind === 'result') {
    const { outcome, detail, action, instance } = record.result
    if (outcome === 'started') return null
    const why = detail === '' ? '' : `: ${detail}`
    return line(record.appendMs, 'result', `${action} of ${instance} ${outcome}${why}`)
  }
  const { event, at_ms: atMs, summary } = record.event
  return TOLD_ELSEWHERE.has(event) ? null : line(atMs, event, summary)
}

/** What has come of it, and why. */
export function verdictLines(verdict: Verdict, paint: Paint): readonly string[] {
  const { asExpected, mustAct, problems, acts, refusals, escalated, incidents, blind } = verdict
  const head = asExpected
    ? paint('green', `as expected: ${came(mustAct)}`)
    : paint('red', `NOT as expected (${expectation(mustAct)}): ${problems.join('; ')}`)
  const none =
    incidents > 0 || acts.length > 0
      ? []
      : ['nothing was detected that a policy speaks of: no incident was opened']
  const missing =
    blind === null
      ? []
      : [`the fleet was blind: ${blind.missing} of ${blind.expected} agents were missing`]
  const left = escalated.map((text) => `left to a person: ${text}`)
  const all = [...acts.map(actText), ...guardTexts(refusals), ...missing, ...left, ...none]
  return ['', head, ...all.map((text) => `  ${printable(text)}`)]
}

function came(mustAct: readonly string[] | null): string {
  return mustAct === null
    ? 'nothing was done'
    : `${mustAct.join(', ')} and nobody else was acted on`
}

function actText(act: Act): string {
  const { action, service, instance, policy, detectedAfterMs, orderedAfterMs } = act
  const { outcome, recoveredAfterMs } = act
  const after = (ms: number | null, what: string): readonly string[] =>
    ms === null ? [] : [`${what} after ${duration(ms)}`]
  const steps = [
    ...after(detectedAfterMs, 'detected'),
    ...after(orderedAfterMs, 'ordered'),
    outcome ?? 'not answered',
    ...(recoveredAfterMs === null ? ['not seen to recover'] : after(recoveredAfterMs, 'recovered')),
  ]
  return `${action} of ${service}/${instance} by policy ${policy}: ${steps.join(', ')}`
}

/** One for each guard that refused first: whom it kept hands off, and what it saw first. */
function guardTexts(refusals: readonly Refusal[]): readonly string[] {
  const guards = [...new Set(refusals.map(({ guard }) => guard))]
  return guards.flatMap((guard) => {
    const own = refusals.filter((refusal) => refusal.guard === guard)
    const [first] = own
    if (first === undefined) return []
    const of = own.map(({ service, instance }) => instance ?? service).join(', ')
    const limit = first.limit === 'none' ? '' : `, limit ${first.limit}`
    const also = first.also.length === 0 ? '' : `; also against it: ${first.also.join(', ')}`
    return [`refused by guard ${guard} for ${of}: ${first.value}${limit}${also}`]
  })
}
