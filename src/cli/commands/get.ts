// `healstream get services|instances|incidents|commands|policies`.
import type {
  CommandView,
  IncidentSummary,
  InstanceView,
  PolicyView,
  ServiceView,
} from '../../roles/projector/views.ts'
import { connect, show } from '../context.ts'
import type { Context, ReadFlags } from '../context.ts'
import { printable } from '../../contracts/printable.ts'
import {
  commandTable,
  incidentTable,
  instanceTable,
  policyTable,
  serviceTable,
} from '../show-views.ts'
import type { Terminal } from '../terminal.ts'

export interface GetFlags extends ReadFlags {
  readonly service?: string
  readonly open?: boolean
}

interface Listing<T> {
  readonly path: string
  readonly render: (
    rows: readonly T[],
    paint: Terminal['paint'],
    nowMs: number,
  ) => readonly string[]
  readonly next: (rows: readonly T[]) => readonly string[]
}

async function list<T>(context: Context, flags: GetFlags, listing: Listing<T>): Promise<void> {
  const query = new URLSearchParams()
  if (flags.service !== undefined) query.set('service', flags.service)
  if (flags.open === true) query.set('state', 'open')
  const suffix = query.size === 0 ? '' : `?${query.toString()}`
  const client = connect(context, flags)
  const { value: rows, recency } = await client.view<readonly T[]>(listing.path + suffix)
  show(context, flags.output, {
    value: rows,
    lines: () => listing.render(rows, context.terminal.paint, Date.now()),
    next: listing.next(rows),
    recency,
  })
  if (rows.length === 0 && flags.output === 'table') context.terminal.say(nothing(flags))
}

/** An empty table alone looks like a mistake of the reader. */
function nothing({ service, open }: GetFlags): string {
  const which = open === true ? 'nothing open' : 'nothing'
  return service === undefined ? `${which} yet` : `${which} of service "${printable(service)}"`
}

export const getServices = (context: Context, flags: GetFlags): Promise<void> =>
  list<ServiceView>(context, flags, {
    path: '/v1/services',
    render: serviceTable,
    next: (rows) => {
      const open = rows.some((row) => row.open_incidents > 0)
      return [open ? 'get incidents --open' : 'get instances']
    },
  })

export const getInstances = (context: Context, flags: GetFlags): Promise<void> =>
  list<InstanceView>(context, flags, {
    path: '/v1/instances',
    render: instanceTable,
    next: (rows) => {
      const incident = rows.find((row) => row.incident_id !== null)?.incident_id
      return [incident ? `explain incident ${printable(incident)}` : 'get incidents']
    },
  })

export const getIncidents = (context: Context, flags: GetFlags): Promise<void> =>
  list<IncidentSummary>(context, flags, {
    path: '/v1/incidents',
    render: incidentTable,
    next: (rows) => rows.slice(0, 1).map((row) => `explain incident ${printable(row.incident_id)}`),
  })

export const getCommands = (context: Context, flags: GetFlags): Promise<void> =>
  list<CommandView>(context, flags, {
    path: '/v1/commands',
    render: commandTable,
    next: (rows) =>
      rows.slice(0, 1).map((row) => `describe incident ${printable(row.incident_id)}`),
  })

export const getPolicies = (context: Context, flags: GetFlags): Promise<void> =>
  list<PolicyView>(context, flags, {
    path: '/v1/policies',
    render: policyTable,
    next: (rows) => rows.slice(0, 1).map((row) => `policy get ${printable(row.name)}`),
  })
