// `describe` and `explain`: one incident as people read it. Only recorded data is printed; nothing
// is judged again.
import type { Clause, Evidence, GuardVerdict, IncidentEvent } from '../contracts/records.ts'
import type { IncidentView } from '../roles/projector/views.ts'
import { printable } from '../contracts/printable.ts'
import { clockTime, duration, offset } from './table.ts'
import type { Terminal } from './terminal.ts'

type Paint = Terminal['paint']

const number = (value: number): string => String(Number(value.toFixed(3)))

/** The incident from its detection to its end, with times from its start. */
export function describeIncident(view: IncidentView, paint: Paint): readonly string[] {
  return [
    ...heading(view, paint),
    '',
    ...view.timeline.flatMap((event) => eventLines(view, event, paint)),
    ...(view.events_dropped > 0
      ? [`(${view.events_dropped} further events are on the topic incidents)`]
      : []),
    ...commandLines(view, paint),
  ]
}

function heading(view: IncidentView, paint: Paint): readonly string[] {
  const target = view.instance === null ? view.service : `${view.service}/${view.instance}`
  const lasted = duration(view.updated_at_ms - view.opened_at_ms)
  const opened = `opened ${clockTime(view.opened_at_ms)}`
  const ended = `ended ${clockTime(view.updated_at_ms)}, lasted ${lasted}`
  const span = `${opened}, ${view.open ? 'open' : ended}`
  return [
    paint('bold', `Incident ${printable(view.incident_id)}`),
    `target   ${printable(target)}`,
    `state    ${view.state}`,
    `time     ${span}`,
  ]
}

function eventLines(view: IncidentView, event: IncidentEvent, paint: Paint): readonly string[] {
  const at = offset(event.at_ms - view.opened_at_ms).padStart(11)
  const facts = Object.entries(event.facts)
  return [
    `${at}  ${paint('bold', event.event.padEnd(11))} ${printable(event.summary)}`,
    ...(event.event === 'detected' ? event.evidence.map((e) => `${INDENT}${evidenceLine(e)}`) : []),
    ...refusals(event).map((guard) => `${INDENT}${guardText(guard)}`),
    ...(facts.length === 0
      ? []
      : [`${INDENT}${facts.map(([k, v]) => `${printable(k)} ${printable(v)}`).join(', ')}`]),
  ]
}

const INDENT = ' '.repeat(25)

const refusals = (event: IncidentEvent): readonly GuardVerdict[] =>
  event.event === 'refused' ? event.guards.filter((guard) => !guard.passed) : []

function evidenceLine(e: Evidence): string {
  const figures = `${number(e.value)} against ${number(e.limit)} ${printable(e.unit)}`
  const kind = e.class === 'self_evident' ? 'self-evident' : e.class
  const place = e.topic === null ? '' : `, ${printable(e.topic)}-${e.partition}@${e.offset}`
  return `${printable(e.detector)}: ${printable(e.text)} (${figures}; ${kind}${place})`
}

function commandLines(view: IncidentView, paint: Paint): readonly string[] {
  return view.command_records.flatMap((command) => {
    const results = view.results.filter((r) => r.command_id === command.command_id)
    const { target } = command
    return [
      '',
      paint('bold', `Command ${printable(command.command_id)}`),
      `action   ${printable(command.action)} of ${printable(target.instance)}` +
        ` (incarnation ${target.incarnation}) by ${printable(target.agent)}, ${command.mode}`,
      `policy   ${printable(command.policy)} v${command.policy_version},` +
        ` attempt ${command.attempt}`,
      `issued   ${offset(command.issued_at_ms - view.opened_at_ms)}, ` +
        `expires ${duration(command.expires_at_ms - command.issued_at_ms)} later`,
      ...results.map((r) => {
        const at = offset(r.ended_at_ms - view.opened_at_ms)
        const why = [r.refusal, r.detail].filter((text) => text !== null && text !== '')
        const more = why.length === 0 ? '' : `: ${printable(why.join('; '))}`
        return `result   ${at}  ${r.outcome}${more}`
      }),
    ]
  })
}

/**
 * Why healstream acted or did not: per decision the policy, clause by clause, then guard by guard.
 */
export function explainIncident(view: IncidentView, paint: Paint): readonly string[] {
  const decisions = view.timeline.filter(
    (event) => event.clauses.length > 0 || event.guards.length > 0 || event.event === 'detected',
  )
  return [
    ...heading(view, paint),
    ...decisions.flatMap((event) => decisionLines(view, event, paint)),
    '',
    `now      ${view.state}: ${printable(view.summary)}`,
  ]
}

function decisionLines(view: IncidentView, event: IncidentEvent, paint: Paint): readonly string[] {
  const at = offset(event.at_ms - view.opened_at_ms)
  const policy =
    event.policy === null
      ? []
      : [
          `  policy   ${printable(event.policy.name)} v${event.policy.version}` +
            ` (sha256 ${event.policy.sha256.slice(0, 12)})`,
        ]
  return [
    '',
    `${at}  ${paint('bold', event.event)}  ${printable(event.summary)}`,
    ...event.evidence.map((e) => `  evidence ${evidenceLine(e)}`),
    ...policy,
    ...event.clauses.map((clause) => `  clause   ${clauseText(clause, paint)}`),
    ...event.guards.map((guard) => {
      const until = guard.until_ms === null ? null : guard.until_ms - view.opened_at_ms
      return `  guard    ${mark(guard.passed, paint)} ${guardText(guard)}${untilText(until)}`
    }),
  ]
}

const untilText = (ms: number | null): string => (ms === null ? '' : `, may pass at ${offset(ms)}`)

const mark = (good: boolean, paint: Paint): string =>
  good ? paint('green', 'passed ') : paint('red', 'REFUSED')

function clauseText(clause: Clause, paint: Paint): string {
  const verdict = clause.holds ? paint('green', 'holds   ') : paint('yellow', 'does not')
  return `${verdict} ${printable(clause.text)}  [${printable(clause.value)}]`
}

function guardText(guard: GuardVerdict): string {
  return `${printable(guard.guard)}: ${printable(guard.value)}, limit ${printable(guard.limit)}`
}
