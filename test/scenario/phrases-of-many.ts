// Phrases about many instances at once, about places, and about people who hold and approve.
import { parseDuration } from '../../src/contracts/duration.ts'
import { operator } from '../support/records.ts'
import type { SimInstance } from './instance.ts'
import type { World } from './world.ts'

type Handler = (world: World, words: readonly string[]) => void

/** `shop-1, shop-2` or `shop-1 to shop-6`. */
const NAMES = String.raw`(\S+(?:, \S+)+|\S+ to \S+)`

function phrase(text: string): RegExp {
  return new RegExp(`^${text.replace('NAMES', NAMES)}$`)
}

export const PHRASES_OF_MANY: readonly (readonly [RegExp, Handler])[] = [
  [phrase('NAMES crash'), (world, [names]) => each(world, names, (one) => one.crash('SIGKILL'))],
  [
    phrase(String.raw`NAMES fail (\d+) % of their requests`),
    (world, [names, n]) => each(world, names, (one) => void (one.failedPercent = Number(n))),
  ],
  [phrase('NAMES are well again'), (world, [names]) => each(world, names, (one) => one.heal())],
  [
    phrase('NAMES begin anew by themselves'),
    (world, [names]) => each(world, names, (one) => one.beginAnew('helps')),
  ],
  [
    phrase('the agents of NAMES fall silent'),
    (world, [names]) => each(world, names, (one) => void (one.speaks = false)),
  ],
  [
    phrase('the agents of NAMES speak again'),
    (world, [names]) => each(world, names, (one) => void (one.speaks = true)),
  ],
  [
    phrase(String.raw`NAMES lie in zone (\S+)`),
    (world, [names, zone = '']) => each(world, names, (one) => void (one.zone = zone)),
  ],
  [
    phrase(String.raw`NAMES run version (\S+)`),
    (world, [names, version = '']) => each(world, names, (one) => void (one.appVersion = version)),
  ],
  [/^everything stops$/, (world) => world.stop()],
  [/^everything runs again$/, (world) => world.start()],
  [/^(\S+) holds everything(?: for (\S+))?$/, holdAll],
  [/^(\S+) releases everything$/, releaseAll],
  [/^(\S+) (approves|denies) what is to be done to (\S+)$/, approve],
  [/^nothing is done on (\S+) from (\S+) to (\S+)$/, freeze],
]

function each(world: World, names: string = '', act: (one: SimInstance) => void): void {
  for (const name of listed(names)) {
    const one = world.instances.get(name)
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

function holdAll(world: World, [actor = '', forText]: readonly string[]): void {
  const forMs = forText === undefined ? null : parseDuration(forText)
  const endMs = forMs === null ? null : world.driver.nowMs + forMs
  const word = { id: `hold-by-${actor}`, actor, scope: EVERYTHING, expires_at_ms: endMs }
  world.word(operator({ kind: 'hold', ...word }))
}

function releaseAll(world: World, [actor = '']: readonly string[]): void {
  const id = `release-by-${actor}`
  world.word(operator({ id, kind: 'release', actor, refers_to: `hold-by-${actor}` }))
}

/** Of the incident of the instance that was told of last. */
function approve(world: World, [actor = '', what = '', name = '']: readonly string[]): void {
  const incidents = world.driver.bodies('incidents')
  const event = incidents.findLast(({ instance }) => instance === name)
  if (event === undefined) throw new Error(`there is no incident of ${name}`)
  const verdict = what === 'denies' ? 'deny' : 'approve'
  const id = `${verdict}-by-${actor}-${world.driver.nowMs}`
  const refers_to = event.incident_id
  world.word(operator({ id, kind: 'approval', actor, verdict, refers_to }))
}

function freeze(world: World, [day = '', from = '', to = '']: readonly string[]): void {
  const spec = { match: { services: ['*'] }, freeze: [{ days: [day], from, to }] }
  const head = { apiVersion: 'healstream.io/v1', kind: 'GuardSet', metadata: { name: 'calendar' } }
  world.apply('GuardSet', 'calendar', { ...head, spec })
}
