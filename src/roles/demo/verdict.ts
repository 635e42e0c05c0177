// What has come of a scenario, out of the records of the log alone: what was done to whom, what was
// refused by which guard, and whether that is what its script says has to come of it.
import type { Command, IncidentEvent } from '../../contracts/records.ts'
import type { StoryRecord } from './story.ts'

/** A line of the script that has happened. */
export interface Happened {
  readonly atMs: number
  readonly text: string
}

/** One command, and what became of it; times in ms, null where nothing of the kind was read. */
export interface Act {
  readonly action: string
  readonly service: string
  readonly instance: string
  readonly policy: string
  readonly incidentId: string
  /** From the last line of the script before it to the event `detected`. */
  readonly detectedAfterMs: number | null
  /** From the same line to the command's append. */
  readonly orderedAfterMs: number | null
  /** Of the last result. */
  readonly outcome: string | null
  /** From the same line to the event `recovered`. */
  readonly recoveredAfterMs: number | null
}

/** The first guard that refused, with what it saw, and the others that would have. */
export interface Refusal {
  readonly service: string
  readonly instance: string | null
  readonly guard: string
  readonly value: string
  readonly limit: string
  readonly also: readonly string[]
}

export interface Blind {
  readonly missing: number
  readonly expected: number
}

export interface Verdict {
  readonly scenario: string
  readonly log: string
  /** Instances that have to be acted on, and no others; null: nothing may be done. */
  readonly mustAct: readonly string[] | null
  readonly asExpected: boolean
  /** Why not, one sentence each. */
  readonly problems: readonly string[]
  readonly acts: readonly Act[]
  /** One for each guard that refused first, and each instance. */
  readonly refusals: readonly Refusal[]
  /** Agents that were missing while the fleet was blind: the most at once; null: it never was. */
  readonly blind: Blind | null
  /** Incidents that were left to a person. */
  readonly escalated: readonly string[]
  readonly incidents: number
  readonly latestIncident: string | null
}

export interface Played {
  readonly scenario: string
  readonly log: string
  readonly mustAct: readonly string[] | null
  /** In the order in which they happened. */
  readonly lines: readonly Happened[]
  /** In any order of topics. */
  readonly records: readonly StoryRecord[]
}

/** The incident of the operators' words, which is none. */
const OPS = 'ops'
const UNNOTICED = 'nothing was noticed: no guard refused, and the fleet was not blind'

export function verdictOf(played: Played): Verdict {
  const { scenario, log, mustAct, records } = played
  const events = records.flatMap((one) => (one.kind === 'incident' ? [one.event] : []))
  const acts = records.flatMap((one) =>
    one.kind === 'command' ? [actOf(one.command, one.appendMs, played)] : [],
  )
  const refusals = refusalsOf(events)
  const blind = blindOf(records)
  const problems = [
    ...problemsOf(mustAct, acts),
    // A play in which nobody looked proves nothing.
    ...(mustAct === null && refusals.length === 0 && blind === null ? [UNNOTICED] : []),
  ]
  const incidents = events.filter(({ event, incident_id }) => {
    return event === 'detected' && incident_id !== OPS
  })
  return {
    scenario,
    log,
    mustAct,
    asExpected: problems.length === 0,
    problems,
    acts,
    refusals,
    blind,
    escalated: events.filter(({ event }) => event === 'escalated').map(({ summary }) => summary),
    incidents: incidents.length,
    latestIncident: acts.at(-1)?.incidentId ?? incidents.at(-1)?.incident_id ?? null,
  }
}

function problemsOf(mustAct: readonly string[] | null, acts: readonly Act[]): readonly string[] {
  const wanted = mustAct ?? []
  const missing = wanted
    .filter((name) => acts.every(({ instance }) => instance !== name))
    .map((name) => `nothing was done to ${name}`)
  const foreign = acts
    .filter(({ instance }) => !wanted.includes(instance))
    .map(({ action, instance }) => `${action} of ${instance} was ordered`)
  const open = acts
    .filter(({ recoveredAfterMs }) => recoveredAfterMs === null)
    .filter(({ instance }) => wanted.includes(instance))
    .map(({ action, instance }) => `${instance} was not seen to recover by ${action}`)
  return [...missing, ...foreign, ...open]
}

function actOf(command: Command, appendMs: number, { records, lines }: Played): Act {
  const { action, target, policy, incident_id: incidentId } = command
  const atOf = (wanted: IncidentEvent['event']): number | null => {
    for (const one of records)
      if (one.kind === 'incident' && one.event.incident_id === incidentId)
        if (one.event.event === wanted) return one.event.at_ms
    return null
  }
  const detectedMs = atOf('detected')
  const fault = lines.findLast(({ atMs }) => atMs <= (detectedMs ?? appendMs))
  const after = (atMs: number | null): number | null =>
    atMs === null || fault === undefined ? null : Math.max(0, atMs - fault.atMs)
  const results = records.flatMap((one) =>
    one.kind === 'result' && one.result.command_id === command.command_id ? [one.result] : [],
  )
  return {
    action,
    service: target.service,
    instance: target.instance,
    policy,
    incidentId: incidentId ?? '',
    detectedAfterMs: after(detectedMs),
    orderedAfterMs: after(appendMs),
    outcome: results.findLast(({ outcome }) => outcome !== 'started')?.outcome ?? null,
    recoveredAfterMs: after(atOf('recovered')),
  }
}

function refusalsOf(events: readonly IncidentEvent[]): readonly Refusal[] {
  const found = new Map<string, Refusal>()
  for (const { event, service, instance, guards } of events) {
    const [first, ...others] = guards.filter(({ passed }) => !passed)
    if (event !== 'refused' || first === undefined) continue
    const { guard, value, limit } = first
    const key = [service, instance, guard].join('\n')
    const also = others.map((other) => other.guard)
    if (!found.has(key)) found.set(key, { service, instance, guard, value, limit, also })
  }
  return [...found.values()]
}

function blindOf(records: readonly StoryRecord[]): Blind | null {
  let most: Blind | null = null
  for (const record of records) {
    if (record.kind !== 'pulse' || !record.pulse.blind) continue
    const { reporters_expected: expected, reporters_seen: seen } = record.pulse
    if (most === null || expected - seen > most.missing)
      most = { missing: expected - seen, expected }
  }
  return most
}
