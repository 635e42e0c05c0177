// The state of healing as one canonical value, for the digest: every field that can change a later
// decision is in it, and nothing else.
import type { Incident } from '../incident/incident.ts'
import { compareText, sortedKeys } from '../kernel/order.ts'
import { describeDocuments } from './documents.ts'
import type { State } from './state.ts'

const sorted = (texts: ReadonlySet<string>): readonly string[] => [...texts].sort(compareText)

function describeIncident(incident: Incident): unknown {
  const { told, matched, refused, ...rest } = incident
  return { ...rest, told: sorted(told), matched: sorted(matched), refused: sorted(refused) }
}

export function describeState(state: State): unknown {
  const { history, chain } = state
  return {
    behaviour: state.behaviour,
    documents: describeDocuments(state.documents),
    holds: state.holds,
    brakes: history.brakes,
    serviceLastMs: history.serviceLastMs,
    recentMs: history.recentMs,
    ineffectiveMs: history.ineffectiveMs,
    seqs: history.seqs,
    streaks: state.streaks,
    incidents: sortedKeys(state.incidents).map((key) => {
      const incident = state.incidents.get(key)
      return [key, incident === undefined ? null : describeIncident(incident)]
    }),
    wellOnce: state.wellOnce,
    tip: chain.tip,
    opsSeq: chain.opsSeq,
    results: state.results,
    notices: state.notices,
  }
}
