// Columns of `healstream get …`.
import type { Health } from '../contracts/records.ts'
import type {
  CommandView,
  IncidentSummary,
  InstanceView,
  PolicyView,
  ServiceView,
} from '../roles/projector/views.ts'
import { age, latency, percent, table } from './table.ts'
import type { Column } from './table.ts'
import type { Colour, Terminal } from './terminal.ts'

type Paint = Terminal['paint']

const HEALTH_COLOUR: Readonly<Record<Health, Colour>> = {
  healthy: 'green',
  unstable: 'yellow',
  unhealthy: 'red',
  unknown: 'dim',
}

const yesNo = (value: boolean): string => (value ? 'yes' : 'no')

export function serviceTable(rows: readonly ServiceView[], paint: Paint): readonly string[] {
  return table(rows, [
    { head: 'SERVICE', cell: (r) => r.service },
    {
      head: 'HEALTH',
      cell: (r) => r.health,
      paint: (text, r) => paint(HEALTH_COLOUR[r.health], text),
    },
    { head: 'HEALTHY', cell: (r) => `${r.healthy}/${r.instances}` },
    { head: 'ROUTABLE', cell: (r) => `${r.routable}/${r.instances}` },
    { head: 'REQUESTS/60S', cell: (r) => String(r.n) },
    { head: 'SUCCESS', cell: (r) => percent(r.success_rate) },
    { head: 'P99', cell: (r) => latency(r.p99_us) },
    { head: 'OPEN', cell: (r) => String(r.open_incidents) },
    { head: 'REASON', cell: (r) => r.reason },
  ])
}

export function instanceColumns(
  paint: Paint,
  nowMs: number = Date.now(),
): readonly Column<InstanceView>[] {
  return [
    { head: 'SERVICE', cell: (r) => r.service },
    { head: 'INSTANCE', cell: (r) => r.instance },
    {
      head: 'HEALTH',
      cell: (r) => r.health,
      paint: (text, r) => paint(HEALTH_COLOUR[r.health], text),
    },
    { head: 'SINCE', cell: (r) => (r.since_ms === null ? '-' : age(r.since_ms, nowMs)) },
    {
      head: 'ROUTABLE',
      cell: (r) => yesNo(r.routable) + (r.guard === null ? '' : ` (${r.guard})`),
    },
    { head: 'LIFECYCLE', cell: (r) => `${r.lifecycle}/${r.link}` },
    { head: 'INC', cell: (r) => String(r.incarnation) },
    { head: 'REQUESTS/60S', cell: (r) => String(r.n) },
    { head: 'SUCCESS', cell: (r) => percent(r.success_rate) },
    { head: 'P99', cell: (r) => latency(r.p99_us) },
    { head: 'REASON', cell: (r) => r.reason },
  ]
}

export function instanceTable(
  rows: readonly InstanceView[],
  paint: Paint,
  nowMs: number,
): readonly string[] {
  return table(rows, instanceColumns(paint, nowMs))
}

const INCIDENT_COLOUR = (state: string): Colour =>
  state === 'recovered' ? 'green' : state === 'failed' || state === 'escalated' ? 'red' : 'yellow'

export function incidentTable(
  rows: readonly IncidentSummary[],
  paint: Paint,
  nowMs: number,
): readonly string[] {
  return table(rows, [
    { head: 'INCIDENT', cell: (r) => r.incident_id },
    { head: 'SERVICE', cell: (r) => r.service },
    { head: 'INSTANCE', cell: (r) => r.instance ?? '-' },
    {
      head: 'STATE',
      cell: (r) => r.state,
      paint: (text, r) => paint(INCIDENT_COLOUR(r.state), text),
    },
    { head: 'AGE', cell: (r) => age(r.opened_at_ms, nowMs) },
    { head: 'COMMANDS', cell: (r) => String(r.commands) },
    { head: 'LAST', cell: (r) => r.summary },
  ])
}

export function commandTable(
  rows: readonly CommandView[],
  _paint: Paint,
  nowMs: number,
): readonly string[] {
  return table(rows, [
    { head: 'COMMAND', cell: (r) => r.command_id },
    { head: 'ACTION', cell: (r) => r.action },
    { head: 'TARGET', cell: (r) => `${r.service}/${r.instance}` },
    { head: 'MODE', cell: (r) => r.mode },
    { head: 'POLICY', cell: (r) => `${r.policy} v${r.policy_version}` },
    { head: 'AGE', cell: (r) => age(r.issued_at_ms, nowMs) },
    { head: 'OUTCOME', cell: (r) => r.outcome ?? 'pending' },
    { head: 'DETAIL', cell: (r) => r.refusal ?? r.detail },
  ])
}

export function policyTable(
  rows: readonly PolicyView[],
  _paint: Paint,
  nowMs: number,
): readonly string[] {
  return table(rows, [
    { head: 'KIND', cell: (r) => r.kind },
    { head: 'NAME', cell: (r) => r.name },
    { head: 'VERSION', cell: (r) => String(r.version) },
    { head: 'SHA256', cell: (r) => r.sha256.slice(0, 12) },
    { head: 'AUTHOR', cell: (r) => r.author },
    { head: 'AGE', cell: (r) => age(r.at_ms, nowMs) },
    { head: 'COMMENT', cell: (r) => r.comment ?? '' },
  ])
}
