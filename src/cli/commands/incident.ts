// `healstream describe incident ID` (what happened, in order) and `healstream explain incident ID`
// (why).
import type { IncidentView } from '../../roles/projector/views.ts'
import { connect, show } from '../context.ts'
import type { Context, ReadFlags } from '../context.ts'
import { printable } from '../../contracts/printable.ts'
import { describeIncident, explainIncident } from '../show-incident.ts'

const read = (context: Context, id: string, flags: ReadFlags): Promise<IncidentView> =>
  connect(context, flags).get<IncidentView>(`/v1/incidents/${encodeURIComponent(id)}`)

export async function describe(context: Context, id: string, flags: ReadFlags): Promise<void> {
  const view = await read(context, id, flags)
  show(context, flags.output, {
    value: view,
    lines: () => describeIncident(view, context.terminal.paint),
    next: [`explain incident ${printable(id)}`],
  })
}

export async function explain(context: Context, id: string, flags: ReadFlags): Promise<void> {
  const view = await read(context, id, flags)
  show(context, flags.output, {
    value: view,
    lines: () => explainIncident(view, context.terminal.paint),
    next: [`describe incident ${printable(id)}`],
  })
}
