// A run of a scenario in words: what happened, what was judged, decided and done, with times since
// the start. Ids that are hashes get short names in order of appearance.
import type { HealthView, IncidentEvent } from '../../src/contracts/records.ts'
import { START_MS, type Written } from '../support/core-driver.ts'

const ID = /\b(?:inc-[0-9a-f]{16}|[0-9a-f]{32})\b/g

export class Narrator {
  private readonly names = new Map<string, string>()
  private readonly healths = new Map<string, string>()

  /** The line of an output, or null for one that says nothing new. */
  line(output: Written): string | null {
    if (output.body === null) return `${output.topic.padEnd(9)} ${output.key} ends`
    switch (output.topic) {
      case 'health':
        return this.health(output.key, output.body)
      case 'incidents':
        return this.named(incident(output.body))
      case 'commands': {
        const { action, target, attempt, mode, policy } = output.body
        const why = `attempt ${attempt}, ${mode}, policy ${policy}`
        return `command   ${action} ${target.instance}: ${why}`
      }
      case 'dlq':
        return `refused   a record of ${output.body.origin_topic}: ${output.body.reason}`
      case 'registry':
      case 'observations':
      case 'alerts':
      case 'fleet':
        return null
    }
  }

  private health(key: string, view: HealthView): string | null {
    const before = this.healths.get(key) ?? 'nothing'
    const now = `${view.health}${view.routable ? '' : ', not routable'}`
    if (before === now) return null
    this.healths.set(key, now)
    const guard = view.guard === null ? '' : ` (${view.guard})`
    return `health    ${key}: ${before} → ${now}${guard}; ${this.named(view.reason)}`
  }

  private named(text: string): string {
    return text.replaceAll(ID, (id) => {
      const name = this.names.get(id) ?? `#${this.names.size + 1}`
      this.names.set(id, name)
      return name
    })
  }
}

function incident({
  event,
  state,
  instance,
  service,
  summary,
  incident_id: id,
}: IncidentEvent): string {
  const who = id === 'ops' ? 'ops' : (instance ?? service)
  const now = state === event || id === 'ops' ? '' : ` (${state})`
  return `incident  ${who} ${event}${now}: ${summary}`
}

/** `+30.012`. */
export function since(atMs: number): string {
  return `+${((atMs - START_MS) / 1_000).toFixed(3)}`.padStart(9)
}
