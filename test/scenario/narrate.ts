// A run of a scenario in words: what happened, what was judged, decided and done, with times since
// the start. Ids that are hashes get short names in order of appearance.
import type { Alert, HealthView, IncidentEvent } from '../../src/contracts/records.ts'
import { isSensed } from '../../src/core/health/sensed.ts'
import { START_MS, type Written } from '../support/core-driver.ts'
import type { Script } from '../../src/roles/scenario/script.ts'

const ID = /\b(?:inc-[0-9a-f]{16}|[0-9a-f]{32})\b/g

export class Narrator {
  private readonly tells: Script['tells']
  private readonly lives = new Map<string, string>()
  private readonly counts = new Map<number, Map<string, number>>()
  private readonly names = new Map<string, string>()
  private readonly healths = new Map<string, string>()
  private readonly signals = new Map<string, string>()

  constructor(tells: Script['tells'] = 'nothing') {
    this.tells = tells
  }

  /** What was counted instead of being told one by one. */
  *counted(): Iterable<{ readonly atMs: number; readonly text: string }> {
    for (const [atMs, counts] of this.counts) {
      const parts = [...counts].map(([lifecycle, n]) => `${n} ${lifecycle}`)
      yield { atMs, text: `registry  ${parts.sort().join(', ')}` }
    }
  }

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
        return this.registry(output)
      case 'alerts':
        return this.tells === 'alerts' ? alert(output.body) : null
      case 'observations':
      case 'fleet':
        return null
    }
  }

  /** Nothing of the registry is told. */
  private get isPlain(): boolean {
    return this.tells === 'nothing' || this.tells === 'alerts'
  }

  private health(key: string, view: HealthView): string | null {
    const signals = view.signals.filter((name) => isNote(name)).join(', ')
    const isNew = this.isPlain && signals !== (this.signals.get(key) ?? '')
    this.signals.set(key, signals)
    const before = this.healths.get(key) ?? 'nothing'
    const now = this.standing(view)
    if (this.tells === 'registry counts' && view.instance !== null) return null
    const told = `signals   ${key}: ${signals === '' ? 'none' : signals}`
    if (before === now) return isNew ? told : null
    this.healths.set(key, now)
    const guard = view.guard === null ? '' : ` (${view.guard})`
    const also = isNew ? `; signals ${signals === '' ? 'none' : signals}` : ''
    return `health    ${key}: ${before} → ${now}${guard}; ${this.named(view.reason)}${also}`
  }

  private standing({ health, routable, weight_percent, instance, signals }: HealthView): string {
    const now = `${health}${routable ? '' : ', not routable'}`
    if (this.isPlain || instance === null) return now
    const told = signals.filter((signal) => ['flapping', 'island'].includes(signal))
    return [`${now}, ${weight_percent} %`, ...told].join(', ')
  }

  private registry({ atMs, key, body }: Extract<Written, { topic: 'registry' }>): string | null {
    if (this.isPlain || body === null) return null
    const why = body.lifecycle_reason ?? null
    const now = `${body.lifecycle}${why === null ? '' : ` (${why})`}, ${body.link}`
    if (this.tells === 'registry counts') {
      const counts = this.counts.get(atMs) ?? new Map<string, number>()
      counts.set(body.lifecycle, (counts.get(body.lifecycle) ?? 0) + 1)
      this.counts.set(atMs, counts)
      return null
    }
    const before = this.lives.get(key) ?? 'nothing'
    this.lives.set(key, now)
    return before === now ? null : `registry  ${key}: ${before} → ${now}`
  }

  private named(text: string): string {
    return text.replaceAll(ID, (id) => {
      const name = this.names.get(id) ?? `#${this.names.size + 1}`
      this.names.set(id, name)
      return name
    })
  }
}

/** Beside what explains a health by itself. */
const isNote = (name: string): boolean => isSensed(name) || name === 'clock_skew'

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

function alert({ rule, tier, route, state, refresh, title, summary, ...of }: Alert): string {
  const now = `${state}${refresh ? ', told again' : ''}${of.count > 1 ? `, ${of.count} times` : ''}`
  return `alert     ${rule} ${now}, ${tier} to ${route}: ${title}; ${summary}`
}

/** `+30.012`. */
export function since(atMs: number): string {
  return `+${((atMs - START_MS) / 1_000).toFixed(3)}`.padStart(9)
}
