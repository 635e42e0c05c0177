// The instances of a service held against each other: who fails far more often, or is far slower,
// than the others in the same minute (gray failure). The absolute rules stand beside it.
import { senseOf } from '../health/senses.ts'
import { judgePeer, type PeersLimit, peersLimit } from '../signal/peers.ts'
import { lifecycleOf } from '../registry/entry.ts'
import type { Group } from './group.ts'
import type { ServiceState } from './service-state.ts'
import { isLeaving, type Subject } from './subject.ts'

interface Peer {
  readonly subject: Subject
  /** Share of errors, and P99 in microseconds, over 60 s. */
  readonly errors: number
  readonly p99Us: number
}

/** Compares those with enough requests, and marks whose deviation began or ended. */
export function comparePeers(state: ServiceState, group: Group): void {
  const { settings } = state.tuningOf(group)
  const { everyMs, factor, instancesMin: least, errorsMin, latencyShareMin } = settings.peers
  group.peersDue = false
  const isFirst = group.peersAtMs === 0
  group.peersAtMs = (Math.floor(state.nowMs / everyMs) + 1) * everyMs
  if (isFirst || !settings.peers.enabled) return
  const peers = peersOf(state, group, settings.peers.samplesMin)
  const errors = peersLimit(
    peers.map((peer) => peer.errors),
    { factor, least, differenceMin: errorsMin },
  )
  const latency = peersLimit(
    peers.map((peer) => peer.p99Us),
    { factor, least, shareMin: latencyShareMin },
  )
  const isMember = new Set(peers.map(({ subject }) => subject))
  for (const peer of peers) judgeOne(state, group, { peer, errors, latency })
  for (const subject of group.ordered()) if (!isMember.has(subject)) release(state, subject)
}

function peersOf(state: ServiceState, group: Group, samplesMin: number): readonly Peer[] {
  const peers: Peer[] = []
  for (const subject of group.ordered()) {
    if (isLeaving(lifecycleOf(subject.entry))) continue
    // Not by the row that is held: who has not counted since a restore has none there.
    const { n, errors, p99Us } = state.figuresOf(subject)
    if (n >= samplesMin) peers.push({ subject, errors: errors / n, p99Us: p99Us ?? 0 })
  }
  return peers
}

function judgeOne(
  state: ServiceState,
  group: Group,
  { peer, errors, latency }: { peer: Peer; errors: PeersLimit; latency: PeersLimit },
): void {
  const { subject } = peer
  const isCalm = peer.errors <= errors.limit && peer.p99Us <= latency.limit
  if (isCalm && subject.vital.sense === null) return
  const { standing } = senseOf(subject.vital, state.tuningOf(group))
  standing.keep('peers_errors', judgePeer(peer.errors, errors), state.nowMs)
  standing.keep('peers_latency', judgePeer(peer.p99Us, latency), state.nowMs)
  if (standing.moved) state.changed(subject)
}

function release(state: ServiceState, subject: Subject): void {
  const standing = subject.vital.sense?.standing
  if (standing === undefined) return
  standing.end('peers_errors')
  standing.end('peers_latency')
  if (standing.moved) state.changed(subject)
}
