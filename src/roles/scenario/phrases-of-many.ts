// Phrases about many instances at once, about places, and about people who hold and approve.
import { parseDuration } from '../../contracts/duration.ts'
import { operator } from './records.ts'
import type { SimInstance } from './instance.ts'
import type { Stage } from './stage.ts'

type Handler = (stage: Stage, words: readonly string[]) => void

// NAMES are `shop-1, shop-2` or `shop-1 to shop-6`.
export const PHRASES_OF_MANY: readonly (readonly [RegExp, Handler])[] = [
  [
    /^(\S+(?:, \S+)+|\S+ to \S+) crash$/,
    (stage, [names]) => each(stage, names, (one) => one.crash('SIGKILL')),
  ],
  [
    /^(\S+(?:, \S+)+|\S+ to \S+) fail (\d+) % of their requests$/,
    (stage, [names, n]) => each(stage, names, (one) => void (one.failedPercent = Number(n))),
  ],
  [
    /^(\S+(?:, \S+)+|\S+ to \S+) are well again$/,
    (stage, [names]) => each(stage, names, (one) => one.heal()),
  ],
  [
    /^(\S+(?:, \S+)+|\S+ to \S+) begin anew by themselves$/,
    (stage, [names]) => each(stage, names, (one) => one.beginAnew('helps')),
  ],
  [
    /^the agents of (\S+(?:, \S+)+|\S+ to \S+) fall silent$/,
    (stage, [names]) => each(stage, names, (one) => void (one.speaks = false)),
  ],
  [
    /^the agents of (\S+(?:, \S+)+|\S+ to \S+) speak again$/,
    (stage, [names]) => each(stage, names, (one) => void (one.speaks = true)),
  ],
  [
    /^(\S+(?:, \S+)+|\S+ to \S+) lie in zone (\S+)$/,
    (stage, [names, zone = '']) => each(stage, names, (one) => void (one.zone = zone)),
  ],
  [
    /^(\S+(?:, \S+)+|\S+ to \S+) run version (\S+)$/,
    (stage, [names, version = '']) => each(stage, names, (one) => void (one.appVersion = version)),
  ],
  [/^everything stops$/, (stage) => stage.stop()],
  [/^everything runs again$/, (stage) => stage.start()],
  [/^(\S+) holds everything(?: for (\S+))?$/, holdAll],
  [/^(\S+) releases everything$/, releaseAll],
  [/^(\S+) (approves|denies) what is to be done to (\S+)$/, approve],
  [/^nothing is done on (\S+) from (\S+) to (\S+)$/, freeze],
]

function each(stage: Stage, names: string = '', act: (one: SimInstance) => void): void {
  for (const name of listed(names)) {
    const one = stage.instances.get(name)
    if (one === undefined) throw new Error(`there is no instance ${name}`)
    act(one)
  }
}

function listed(names: string): readonly string[] {
  const [first = '', last] = names.split(' to ')
  if (last === undefined) return names.split(', ')
  const [base = '', from = ''] = split(first)
  const [, to = ''] = split(last)
  const count = Number(to) - Number(from) + 1
  return Array.from({ length: count }, (_, i) => `${base}-${Number(from) + i}`)
}

function split(name: string): readonly string[] {
  const at = name.lastIndexOf('-')
  return [name.slice(0, at), name.slice(at + 1)]
}

const EVERYTHING = { fleet: true, service: null, instance: null, policy: null }

function holdAll(stage: Stage, [actor = '', forText]: readonly string[]): void {
  const forMs = forText === undefined ? null : parseDuration(forText)
  const endMs = forMs === null ? null : stage.driver.nowMs + forMs
  const word = { id: `hold-by-${actor}`, actor, scope: EVERYTHING, expires_at_ms: endMs }
  stage.word(operator({ kind: 'hold', ...word }))
}

function releaseAll(stage: Stage, [actor = '']: readonly string[]): void {
  const id = `release-by-${actor}`
  stage.word(operator({ id, kind: 'release', actor, refers_to: `hold-by-${actor}` }))
}

/** Of the incident of the instance that was told of last. */
function approve(stage: Stage, [actor = '', what = '', name = '']: readonly string[]): void {
  const refers_to = stage.incidentOf(name)
  if (refers_to === null) throw new Error(`there is no incident of ${name}`)
  const verdict = what === 'denies' ? 'deny' : 'approve'
  const id = `${verdict}-by-${actor}-${stage.driver.nowMs}`
  stage.word(operator({ id, kind: 'approval', actor, verdict, refers_to }))
}

function freeze(stage: Stage, [day = '', from = '', to = '']: readonly string[]): void {
  const spec = { match: { services: ['*'] }, freeze: [{ days: [day], from, to }] }
  const head = { apiVersion: 'healstream.io/v1', kind: 'GuardSet', metadata: { name: 'calendar' } }
  stage.apply('GuardSet', 'calendar', { ...head, spec })
}
