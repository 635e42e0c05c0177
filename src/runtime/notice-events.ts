// The named events of the notifier: what sinks took, what they did not, and how long it waits.
import type { EventSpec, MetricSpec } from './event-spec.ts'

export type NoticeEventKind =
  | 'notice_delivered'
  | 'notice_failed'
  | 'notice_dropped'
  | 'notices_waiting'

function ofSink(name: string, help: string, value?: string): MetricSpec {
  return {
    name,
    kind: 'counter',
    help,
    labels: ['sink'],
    ...(value === undefined ? {} : { value }),
  }
}

export const NOTICE_EVENTS: Readonly<Record<NoticeEventKind, EventSpec>> = {
  notice_delivered: {
    level: 'debug',
    text: 'sink {sink} has taken {alerts}',
    metrics: [ofSink('notices_delivered_total', 'Alerts and outcomes taken by a sink.', 'alerts')],
  },
  notice_failed: {
    level: 'warn',
    text: 'sink {sink} does not take what it is told, it is told again: {reason}',
    metrics: [ofSink('notice_failures_total', 'Attempts to tell a sink that came to nothing.')],
  },
  notice_dropped: {
    level: 'error',
    text: 'sink {sink} refuses {key} for good and is not told: {reason}',
    metrics: [ofSink('notices_dropped_total', 'Alerts and outcomes a sink refused for good.')],
  },
  notices_waiting: {
    level: 'debug',
    text: 'sink {sink}: the oldest has waited {seconds} s',
    metrics: [
      {
        name: 'notices_waiting_seconds',
        kind: 'gauge',
        help: 'How long the oldest alert or outcome that was read has waited for its sink, s.',
        labels: ['sink'],
        value: 'seconds',
      },
    ],
  },
}
