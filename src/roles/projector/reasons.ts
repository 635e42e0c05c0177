// The smallest reason of a decision, for the reading endpoint: the journal of its task is stepped
// again and searched here, one decision after another, within a bounded time.
import { HsError } from '../../contracts/failure.ts'
import type { ClusterId } from '../../contracts/ids.ts'
import type { IncidentEvent } from '../../contracts/records.ts'
import { createFleetCore } from '../../core/tasks/fleet-task.ts'
import { createServiceCore } from '../../core/tasks/service-task.ts'
import type { Clock } from '../../runtime/ports.ts'
import { findReason } from '../../runtime/reason/find-reason.ts'
import { specNamed } from '../../runtime/resume.ts'
import { isFleet } from '../../runtime/task-spec.ts'
import { lineOfView, type TailSource } from './tail.ts'
import type { IncidentView, ReasonView } from './views.ts'

export interface ReasonsSource extends TailSource {
  readonly clock: Clock
  readonly clusterId: ClusterId
}

export interface ReasonRequest {
  /** Number of an event of the incident; null: the last decision in it. */
  readonly event: number | null
  /** Records at least so long before it are looked at. */
  readonly spanMs: number
}

/** Longer than the window that judges. */
export const REASON_SPAN_MS = 65_000
export const REASON_SPAN_MAX_MS = 3_600_000
const RECORDS_MAX = 100_000
const LIMIT_MS = 10_000

/** Kinds of events that are decisions, the most telling first. */
const DECISIONS = ['commanded', 'refused', 'detected'] as const

export class Reasons {
  private readonly source: ReasonsSource
  private last: Promise<unknown> = Promise.resolve()

  constructor(source: ReasonsSource) {
    this.source = source
  }

  /** Errors: HS_NOT_FOUND, HS_USAGE, and those of findReason. */
  find(view: IncidentView, request: ReasonRequest, signal: AbortSignal): Promise<ReasonView> {
    const event = eventOf(view, request.event)
    const found = this.last.then(() => this.search(event, request, signal))
    this.last = found.catch(() => undefined)
    return found
  }

  private async search(
    event: IncidentEvent,
    { spanMs }: ReasonRequest,
    signal: AbortSignal,
  ): Promise<ReasonView> {
    const { log, decoder, prefix, partitions, clock, clusterId } = this.source
    const spec = specNamed(event.task, partitions)
    const createCore = isFleet(spec) ? createFleetCore : createServiceCore
    const { incident_id: incidentId, seq, step_seq: stepSeq, at_ms: atMs } = event
    const decision = { incidentId, seq, stepSeq, atMs }
    const at = { log, decoder, prefix, clock, clusterId, spec, createCore, signal }
    const bounds = { spanMs, recordsMax: RECORDS_MAX, limitMs: LIMIT_MS }
    const reason = await findReason({ ...at, ...bounds, decision })
    return {
      event,
      since_ms: reason.sinceMs,
      among: reason.among,
      tests: reason.tests,
      minimal: reason.isMinimal,
      records: reason.records.map(({ topic, partition, view }) =>
        lineOfView({ decoder, prefix }, { topic, partition, view }),
      ),
    }
  }
}

function eventOf({ timeline, incident_id: id }: IncidentView, seq: number | null): IncidentEvent {
  const fix = `See what it has: \`healstream describe incident ${id}\`.`
  if (seq !== null) {
    const named = timeline.find((event) => event.seq === seq)
    if (named !== undefined) return named
    throw new HsError('HS_NOT_FOUND', `incident ${id} has no event ${seq}`, { fix })
  }
  for (const kind of DECISIONS) {
    const last = timeline.findLast(({ event }) => event === kind)
    if (last !== undefined) return last
  }
  throw new HsError('HS_NOT_FOUND', `nothing was decided in incident ${id} yet`, { fix })
}
