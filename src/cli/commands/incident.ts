// `healstream describe incident ID` (what happened, in order), `healstream explain incident ID`
// (why) and `healstream explain reason ID` (which records were enough for it).
import { HsError } from '../../contracts/failure.ts'
import type { IncidentSummary, IncidentView, ReasonView } from '../../roles/projector/views.ts'
import type { Viewed } from '../client.ts'
import { connect, show } from '../context.ts'
import type { Context, ReadFlags } from '../context.ts'
import { printable } from '../../contracts/printable.ts'
import { describeIncident, explainIncident } from '../show-incident.ts'
import { reasonLines } from '../show-reason.ts'

/** `latest` is the newest one. Errors: HS_NOT_FOUND. */
async function read(
  context: Context,
  name: string,
  flags: ReadFlags,
): Promise<Viewed<IncidentView>> {
  const client = connect(context, flags)
  let id: string | undefined = name
  if (name === 'latest')
    id = (await client.get<readonly IncidentSummary[]>('/v1/incidents'))[0]?.incident_id
  if (id === undefined)
    throw new HsError('HS_NOT_FOUND', 'there is no incident yet', {
      fix: 'See how the instances are: `healstream get instances`.',
    })
  return client.view<IncidentView>(`/v1/incidents/${encodeURIComponent(id)}`)
}

export async function describe(context: Context, id: string, flags: ReadFlags): Promise<void> {
  const { value: view, recency } = await read(context, id, flags)
  show(context, flags.output, {
    value: view,
    lines: () => describeIncident(view, context.terminal.paint),
    next: [`explain incident ${printable(view.incident_id)}`],
    recency,
  })
}

export async function explain(context: Context, id: string, flags: ReadFlags): Promise<void> {
  const { value: view, recency } = await read(context, id, flags)
  show(context, flags.output, {
    value: view,
    lines: () => explainIncident(view, context.terminal.paint),
    next: [
      `describe incident ${printable(view.incident_id)}`,
      `explain reason ${printable(view.incident_id)}`,
    ],
    recency,
  })
}

export interface ReasonFlags extends ReadFlags {
  readonly event?: number
  readonly since: number
}

/** Less than the time after which an endpoint closes a silent connection. */
const SEARCH_MS = 29_000

/** Errors: HS_NOT_FOUND, and those of a replay. */
export async function reason(context: Context, name: string, flags: ReasonFlags): Promise<void> {
  const { value } = await read(context, name, flags)
  const query = new URLSearchParams({ span_ms: String(flags.since) })
  if (flags.event !== undefined) query.set('event', String(flags.event))
  const id = encodeURIComponent(value.incident_id)
  const path = `/v1/incidents/${id}/reason?${query.toString()}`
  const found = await connect(context, flags).get<ReasonView>(path, SEARCH_MS)
  show(context, flags.output, {
    value: found,
    lines: () => reasonLines(found, context.terminal.paint),
    next: [`explain incident ${printable(value.incident_id)}`],
  })
}
