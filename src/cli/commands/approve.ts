// `healstream approve`: a person says yes, or no, to what healing proposes for an incident.
import { type Context, show } from '../context.ts'
import { sayToAll, type WordFlags } from '../operator-word.ts'
import { durationOf } from './hold.ts'

export interface ApproveFlags extends WordFlags {
  readonly deny?: boolean
  /** A duration; absent: as long as the guards say. */
  readonly for?: string
}

/** Errors: HS_USAGE for a wrong duration; those of sayToAll. */
export async function approve(
  context: Context,
  incident: string,
  flags: ApproveFlags,
): Promise<void> {
  const verdict = flags.deny === true ? 'deny' : 'approve'
  const forMs = flags.for === undefined ? null : durationOf(flags.for)
  const { body, partitions } = await sayToAll(context, flags, {
    fix: `healstream approve ${incident}`,
    word: ({ nowMs }) => ({
      kind: 'approval',
      refers_to: incident,
      verdict,
      expires_at_ms: forMs === null ? null : nowMs + forMs,
    }),
  })
  const { id, actor: who, reason: why } = body
  const said = verdict === 'deny' ? 'denied' : 'approved'
  show(context, flags.output, {
    value: { id, refers_to: incident, verdict, why, who },
    lines: () => [`${incident} is ${said} by ${who}: told to all ${partitions} partitions`],
    next: [`describe incident ${incident}`, 'describe incident ops'],
  })
}
