// `healstream explain INSTANCE`: what is judged of an instance, and its health score stage by
// stage.
import { HsError } from '../../contracts/failure.ts'
import { printable } from '../../contracts/printable.ts'
import type { InstanceView } from '../../roles/projector/views.ts'
import { connect, show } from '../context.ts'
import type { Context } from '../context.ts'
import { explained, instanceLines } from '../show-instance.ts'
import type { GetFlags } from './get.ts'

/** Errors: HS_NOT_FOUND; HS_USAGE where several services have one of that name. */
export async function explainInstance(
  context: Context,
  name: string,
  flags: GetFlags,
): Promise<void> {
  const query = flags.service === undefined ? '' : `?service=${encodeURIComponent(flags.service)}`
  const client = connect(context, flags)
  const { value, recency } = await client.view<readonly InstanceView[]>(`/v1/instances${query}`)
  const [view, ...others] = value.filter(({ instance }) => instance === name)
  if (view === undefined)
    throw new HsError('HS_NOT_FOUND', `there is no instance ${JSON.stringify(name)}`, {
      fix: 'List them with `healstream get instances`.',
    })
  if (others.length > 0)
    throw new HsError('HS_USAGE', `${others.length + 1} services have an instance of that name`, {
      fix: 'Say which with --service NAME.',
    })
  const incident = view.incident_id
  show(context, flags.output, {
    value: explained(view),
    lines: () => instanceLines(view, context.terminal.paint),
    next: [incident === null ? 'get instances' : `explain incident ${printable(incident)}`],
    recency,
  })
}
