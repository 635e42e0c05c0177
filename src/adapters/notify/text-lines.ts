// Alerts as lines for people, where somebody watches a terminal or keeps the output of a process.
import type { Alert } from '../../contracts/records.ts'
import { printable } from '../../contracts/printable.ts'
import type { Notice, Sink } from './sink.ts'

/** `say` takes one line without its end. */
export function createTextLines(name: string, say: (line: string) => void): Sink {
  return {
    name,
    needsRefresh: false,
    deliver: (notice) => {
      for (const line of linesOf(notice)) say(printable(line))
      return Promise.resolve()
    },
  }
}

function linesOf(notice: Notice): readonly string[] {
  if (notice.kind === 'alerts') return notice.alerts.map(alertLine)
  const { outcome, event } = notice
  return [`${at(event.at_ms)} incident ${event.incident_id} ${outcome}: ${event.summary}`]
}

function alertLine(alert: Alert): string {
  const { at_ms, state, tier, route, count, title, summary, service, instance } = alert
  const target = instance === null ? service : `${service}/${instance}`
  const times = count > 1 ? ` (${count} times)` : ''
  return `${at(at_ms)} ${state} ${tier} → ${route} ${target}: ${title}${times}: ${summary}`
}

const at = (ms: number): string => new Date(ms).toISOString()
