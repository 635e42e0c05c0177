// The instances of a service held against each other: who fails far more often, or is far slower,
// than the others in the same minute (gray failure). The absolute rules stand beside it.
import { senseOf } from '../health/senses.ts'
import { judgePeer, type PeersLimit, peersLimit } from '../signal/peers.ts'
import { lifecycleOf } from '../registry/entry.ts'
import type { Group } from './group.ts'
import type { ServiceState } from './service-state.ts'
import { isLeaving, type Subject } from './subject.ts'

/** Compares those with enough requests, and marks whose deviation began or ended. */
export function comparePeers(state: ServiceState, group: Group): void {
  const { settings } = state.tuningOf(group)
  const { everyMs, factor, instancesMin: least, errorsMin, latencyShareMin } = settings.peers
  group.peersDue = false
  const isFirst = group.peersAtMs === 0
  group.peersAtMs = (Math.floor(state.nowMs / everyMs) + 1) * everyMs
  if (isFirst || !settings.peers.enabled) return
  const { peers } = state
  find(state, group, settings.peers.samplesMin)
  const errors = peersLimit(peers.errors.subarray(0, peers.count), {
    factor,
    least,
    differenceMin: errorsMin,
  })
  const latency = peersLimit(peers.p99Us.subarray(0, peers.count), {
    factor,
    least,
    shareMin: latencyShareMin,
  })
  let at = 0
  for (const subject of group.ordered()) {
    if (at === peers.count || peers.subjects[at] !== subject) release(state, subject)
    else judgeOne(state, group, { subject, at: at++, errors, latency })
  }
}

/** Those of the service with enough requests. */
function find(state: ServiceState, group: Group, samplesMin: number): void {
  const { peers, windows } = state
  const subjects = group.ordered()
  peers.begin(subjects.length)
  for (const subject of subjects) {
    const { entry, vital } = subject
    if (isLeaving(lifecycleOf(entry))) continue
    // Who has not counted since a restore has no row that is held.
    const held = state.knownRow(subject.slot)
    const row = held === 0 ? windows.find(vital.service, vital.instance) : held
    const n = windows.requests(row)
    if (n < samplesMin) continue
    const at = peers.count++
    peers.subjects[at] = subject
    peers.errors[at] = windows.errors(row) / n
    peers.p99Us[at] = Math.max(0, windows.p99Us(row))
  }
}

function judgeOne(
  state: ServiceState,
  group: Group,
  {
    subject,
    at,
    errors,
    latency,
  }: { subject: Subject; at: number; errors: PeersLimit; latency: PeersLimit },
): void {
  const { peers } = state
  const share = peers.errors[at] ?? 0
  const p99Us = peers.p99Us[at] ?? 0
  if (subject.vital.sense === null && share <= errors.limit && p99Us <= latency.limit) return
  const { standing } = senseOf(subject.vital, state.tuningOf(group))
  standing.keep('peers_errors', judgePeer(share, errors), state.nowMs)
  standing.keep('peers_latency', judgePeer(p99Us, latency), state.nowMs)
  if (standing.moved) state.changed(subject)
}

function release(state: ServiceState, subject: Subject): void {
  const standing = subject.vital.sense?.standing
  if (standing === undefined) return
  standing.end('peers_errors')
  standing.end('peers_latency')
  if (standing.moved) state.changed(subject)
}
