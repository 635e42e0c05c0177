// The notifier: tells people what hs.alerts says, and others how incidents ended (S0-52, S0-56).
// Several share the partitions between them as members of a group; membership only spares double
// work, what has been delivered is on the log (channel.ts).
import { createHash } from 'node:crypto'
import type { Notice, Sink } from '../../adapters/notify/sink.ts'
import type { NotifierSettings, SinkSettings } from '../../config/notifier-settings.ts'
import type { Decoder } from '../../contracts/decode.ts'
import { outcomeOf } from '../../contracts/incident-outcome.ts'
import type { Alert, IncidentEvent } from '../../contracts/records.ts'
import type { Instruments } from '../../runtime/instruments.ts'
import { LogError } from '../../runtime/log-error.ts'
import type { Clock, GroupMember, GroupShare, LogPort, Membership } from '../../runtime/ports.ts'
import { Channel, type ChannelOptions } from './channel.ts'
import { Delivery } from './delivery.ts'
import { sinksOf, unserved } from './routing.ts'
import { sinkOf } from './sinks.ts'

export interface NotifierOptions {
  readonly settings: NotifierSettings
  readonly log: LogPort
  readonly decoder: Decoder
  readonly clock: Clock
  readonly instruments: Instruments
  readonly prefix: string
  readonly partitions: number
  readonly clusterId: string
  /** Of the workers; the notifier's groups begin with it. */
  readonly group: string
  /** Takes the lines of a console sink. */
  readonly say: (line: string) => void
}

export interface NotifierHandle {
  /** Empty = every sink has taken what it was handed; else one sentence for each that has not. */
  notReady(): readonly string[]
  stop(): Promise<void>
}

const SESSION_MS = 6_000
const REBALANCE_MS = 3_000
const HEARTBEAT_MS = 1_000
const GROUP_WAIT_MS = 1_000
const LOOKBACK_MS = 3_600_000
const AGAIN_MS = 1_000

/** Group of the members, and the beginning of those that keep positions. */
export function notifierGroup(group: string): string {
  return `${group}-notifier`
}

type AnyChannel = Channel<'alerts'> | Channel<'incidents'>

export function startNotifier(options: NotifierOptions): NotifierHandle {
  const { settings, clock, instruments } = options
  for (const tier of unserved(settings.routes)) {
    const detail = `no route serves alerts of tier ${tier}: nobody is told of them`
    instruments.emit('process_notice', { code: 'no_route', detail })
  }
  const channels = channelsOf(options)
  const stopping = new AbortController()
  let membership: Membership | null = null
  let trouble: string | null = 'not in its group'
  const share = (partitions: readonly number[]): void => {
    for (const channel of channels) channel.own(partitions)
  }
  const belong = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      membership = join(options)
      try {
        for (;;) {
          const event = await membership.next()
          trouble = event.kind === 'lost' ? `not in its group: ${event.reason}` : null
          share(event.kind === 'lost' ? [] : event.tasks)
        }
      } catch (error) {
        share([])
        if (stopping.signal.aborted || !(error instanceof LogError)) break
        trouble = error.message
        instruments.emit('read_failed', { reason: trouble })
        await membership.leave().catch(() => undefined)
        await clock.sleep(AGAIN_MS, stopping.signal).catch(() => undefined)
      }
    }
  }
  const belonging = belong()
  return {
    notReady: () => [
      ...(trouble === null ? [] : [`notifier: ${trouble}`]),
      ...channels.flatMap((channel) => channel.notReady()),
    ],
    async stop(): Promise<void> {
      stopping.abort()
      await Promise.all(channels.map((channel) => channel.stop()))
      await membership?.leave().catch(() => undefined)
      await belonging
    },
  }
}

function join({ log, group, partitions }: NotifierOptions): Membership {
  return log.join({
    group: notifierGroup(group),
    metadata: () => new Uint8Array(0),
    assign: (members) => sharesOf(members, partitions),
    sessionTimeoutMs: SESSION_MS,
    rebalanceTimeoutMs: REBALANCE_MS,
    heartbeatMs: HEARTBEAT_MS,
  })
}

/** In turn, in the order of ids. */
function sharesOf(
  members: readonly GroupMember[],
  partitions: number,
): ReadonlyMap<string, GroupShare> {
  const ids = members.map(({ memberId }) => memberId).sort()
  const all = Array.from({ length: partitions }, (_, partition) => partition)
  const none = { standby: [], coming: [], behaviour: 0, format: 0 }
  return new Map(
    ids.map((id, i) => [id, { ...none, tasks: all.filter((task) => task % ids.length === i) }]),
  )
}

function channelsOf(options: NotifierOptions): readonly AnyChannel[] {
  const { settings, clock, instruments, clusterId, say } = options
  const channels: AnyChannel[] = []
  for (const one of settings.sinks) {
    const sink = sinkOf(one, { clusterId, clock, say })
    if (Object.values(settings.routes).some((names) => names.includes(one.name)))
      channels.push(new Channel(alertsTo(sink, one, options)))
    if (settings.outcomes?.includes(one.name) === true)
      channels.push(new Channel(outcomesTo(sink, one, options)))
  }
  if (channels.length === 0)
    instruments.emit('process_notice', { code: 'no_route', detail: 'no sink is told anything' })
  return channels
}

type Own = 'topic' | 'select' | 'noticeOf' | 'waitMs' | 'itemsMax' | 'group'

function common(
  sink: Sink,
  options: NotifierOptions,
): Omit<ChannelOptions<'alerts' | 'incidents'>, Own> {
  const { log, decoder, clock, instruments, prefix, settings } = options
  const lookbackMs = settings.lookback ?? LOOKBACK_MS
  const delivery = new Delivery({ sink, clock, instruments })
  return { name: sink.name, log, decoder, clock, instruments, prefix, lookbackMs, delivery }
}

function alertsTo(
  sink: Sink,
  { name, groupWait, grouping }: SinkSettings,
  options: NotifierOptions,
): ChannelOptions<'alerts'> {
  const { routes } = options.settings
  return {
    ...common(sink, options),
    topic: 'alerts',
    group: `${notifierGroup(options.group)}.${name}`,
    waitMs: groupWait ?? GROUP_WAIT_MS,
    select: (alert) => {
      if (alert.refresh && !sink.needsRefresh) return null
      if (!sinksOf(alert, routes).includes(name)) return null
      return grouping === 'all' ? 'all' : alert.group === '' ? alert.service : alert.group
    },
    noticeOf: (group, alerts) => ({ kind: 'alerts', key: keyOf(alerts), group, alerts }),
  }
}

/** The same alerts always have the same key. */
function keyOf(alerts: readonly Alert[]): string {
  const [only] = alerts
  if (alerts.length === 1 && only !== undefined) return only.alert_id
  const ids = alerts.map(({ alert_id: id }) => id).join('\n')
  return `alerts-${createHash('sha256').update(ids).digest('hex').slice(0, 32)}`
}

/** One notice for each, at once: an outcome has a key of its own. */
function outcomesTo(
  sink: Sink,
  { name }: SinkSettings,
  options: NotifierOptions,
): ChannelOptions<'incidents'> {
  return {
    ...common(sink, options),
    topic: 'incidents',
    group: `${notifierGroup(options.group)}.${name}.outcomes`,
    waitMs: 0,
    itemsMax: 1,
    select: (event) => (outcomeOf(event) === null ? null : event.incident_id),
    noticeOf: (_group, [event]) => outcomeNotice(event),
  }
}

/** Errors: RangeError for an event that is none of those `select` lets pass. */
function outcomeNotice(event: IncidentEvent | undefined): Notice {
  const outcome = event === undefined ? null : outcomeOf(event)
  if (event === undefined || outcome === null) throw new RangeError('no outcome')
  return { kind: 'outcome', key: `${event.incident_id}.${outcome}`, outcome, event }
}
