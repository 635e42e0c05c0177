// Scenario scripts: readable lines, each one thing that happens. A line that nobody understands is
// an error with its number.
import { parseDuration } from '../../src/contracts/duration.ts'
import { parse } from 'yaml'
import type { ActOutcome, SimInstance } from './instance.ts'
import { PHRASES_OF_MANY } from './phrases-of-many.ts'
import { REGISTRY_PHRASES } from './registry-phrases.ts'
import type { World } from './world.ts'

export interface Script {
  readonly title: string
  /** Instances that may be acted on, each of which must be; null: nothing may be done. */
  readonly mustAct: readonly string[] | null
  readonly lines: readonly { readonly atMs: number; readonly text: string; readonly act: Act }[]
  readonly endMs: number
  /** The least behaviour it speaks of; it runs under the latest, or under this one. */
  readonly behaviour: number
  /** What of the registry and of shares of traffic is told beside the rest. */
  readonly tells: 'nothing' | 'registry' | 'registry counts'
}

type Act = (world: World) => void
type Handler = (world: World, words: readonly string[]) => void

const AT = /^at (\S+) (.+)$/
const END = /^end at (\S+)$/
const BEHAVIOUR = /^from behaviour (\d+) on$/
const MUST_ACT = /^must-act on (.+)$/

/** What can be said, and what it does. */
const PHRASES: readonly (readonly [RegExp, Handler])[] = [
  ...PHRASES_OF_MANY,
  [
    /^service (\S+) with (\d+) instances?$/,
    (world, [name = '', n = '1']) => world.addService(name, Number(n)),
  ],
  [/^policy (\S+)(?: \[(.*)\])?: (.+)$/, addPolicy],
  [/^(detectors|guards): (.+)$/, setLimits],
  [/^guards of (.+?): (.+)$/, setLimitsOf],
  [/^policy (\S+) is deleted$/, (world, [name = '']) => world.remove('HealPolicy', name)],
  [/^the fleet task stops$/, (world) => world.fleet?.stop()],
  [/^the fleet task runs again$/, (world) => world.fleet?.start()],
  [/^a person holds (\S+)$/, (world, [service = '']) => world.hold(service)],
  [/^the hold on (\S+) is released$/, (world, [service = '']) => world.release(service)],
  [/^all agents fall silent$/, (world) => each(world, (one) => void (one.speaks = false))],
  [/^all agents speak again$/, (world) => each(world, (one) => void (one.speaks = true))],
  [/^the agent of (\S+) falls silent$/, (world, [name]) => void (find(world, name).speaks = false)],
  [/^the agent of (\S+) speaks again$/, (world, [name]) => void (find(world, name).speaks = true)],
  [/^(\S+) crashes$/, (world, [name]) => find(world, name).crash('SIGKILL')],
  [/^(\S+) hangs$/, (world, [name]) => find(world, name).hang()],
  [
    /^(\S+) serves (\d+) requests a second$/,
    (world, [name, n]) => void (find(world, name).rate = Number(n)),
  ],
  [
    /^(\S+) fails (\d+) % of its requests$/,
    (world, [name, n]) => void (find(world, name).failedPercent = Number(n)),
  ],
  [
    /^(\S+) answers after (\S+)$/,
    (world, [name, took]) => void (find(world, name).latencyUs = ms(took) * 1_000),
  ],
  [
    /^(\S+) tells round trips of (\S+)$/,
    (world, [name, took]) => void (find(world, name).tells.rttMs = ms(took)),
  ],
  [
    /^(\S+) loses (\d+) % of its probes$/,
    (world, [name, n]) => void (find(world, name).tells.lossPercent = Number(n)),
  ],
  [
    /^(\S+) waits (\S+) a second for a processor$/,
    (world, [name, took]) => void (find(world, name).tells.waitMs = ms(took)),
  ],
  [
    /^(\S+) logs (\d+) errors a second$/,
    (world, [name, n]) => void (find(world, name).tells.errorLines = Number(n)),
  ],
  [/^(\S+) grows by (\d+) MiB a minute(?: and collects every (\S+))?$/, grow],
  [
    /^(\S+) drifts to (\S+) within (\S+)$/,
    (world, [name, us, within]) => drift(world, name, [ms(us), ms(within)]),
  ],
  [
    /^(\S+) runs configuration (\d+)$/,
    (world, [name, n]) => void (find(world, name).tells.configVersion = Number(n)),
  ],
  [
    /^the clock of (\S+) is (\S+) (ahead|behind)$/,
    (world, [name, by, where]) => {
      find(world, name).tells.clockMs = where === 'ahead' ? ms(by) : -ms(by)
    },
  ],
  [
    /^(\S+) is probed from (\S+)$/,
    (world, [name, other]) => find(world, name).seenFrom(find(world, other)),
  ],
  [/^detector (\S+): (.+)$/, setDetector],
  [/^(\S+) is well again$/, (world, [name]) => find(world, name).heal()],
  [/^(\S+) deregisters$/, (world, [name]) => find(world, name).leave()],
  [/^(\S+) sends everything twice$/, (world, [name]) => void (find(world, name).twice = true)],
  [
    /^(\S+) sends its counts (\S+) late$/,
    (world, [name, by]) => void (find(world, name).lateMs = ms(by)),
  ],
  [
    /^(\S+) sends counts of its last incarnation$/,
    (world, [name]) => find(world, name).sendOldCounts(),
  ],
  [
    /^(\S+) tells of its troubles of (\S+) ago$/,
    (world, [name, ago]) => find(world, name).sendOldTroubles(ms(ago)),
  ],
  [/^(\S+) answers a command of long ago$/, (world, [name]) => find(world, name).sendOldResult()],
  [
    /^restarting (\S+) takes (\S+)$/,
    (world, [name, took]) => void (find(world, name).restartMs = ms(took)),
  ],
  ...REGISTRY_PHRASES,
  [/^restarting (\S+) (helps|is in vain|fails|is not answered|is answered twice)$/, setRestart],
  [/^a (\S+) of (\S+) (helps|fails|is refused|is not answered|is answered twice)$/, setOutcome],
  [/^plan (\S+)(?: \[(.*)\])?: (.+) => (.+)$/, addPlan],
  [/^(\S+) has corrupted data$/, (world, [name]) => corrupt(find(world, name))],
  [
    /^(\S+) has (\d+) requests in flight$/,
    (world, [name, n]) => void (find(world, name).inFlight = Number(n)),
  ],
  [
    /^(\S+) runs version (\S+)$/,
    (world, [name, version = '']) => void (find(world, name).appVersion = version),
  ],
  [/^(\S+) runs on (\S+)(, in standby)?(?: with (.+))?$/, runsOn],
  [/^the host (\S+) dies$/, (world, [host]) => each(world, (one) => dies(one, host))],
  [/^config (\S+) of (\S+): (.+)$/, (world, [name, of, text]) => world.configure(name, of, text)],
]

export function parseScript(text: string): Script {
  let title = ''
  let mustAct: readonly string[] | null | undefined
  let endMs: number | null = null
  let behaviour = 1
  let tells: Script['tells'] = 'nothing'
  const lines: Script['lines'][number][] = []
  for (const [i, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    const end = END.exec(line)
    const must = MUST_ACT.exec(line)
    const from = BEHAVIOUR.exec(line)
    if (line.startsWith('#')) title ||= line.slice(1).trim()
    else if (line === 'must-not-act') mustAct = null
    else if (line === 'tells registry') tells = 'registry'
    else if (line === 'tells registry counts') tells = 'registry counts'
    else if (from !== null) behaviour = Number(from[1])
    else if (must !== null) mustAct = (must[1] ?? '').split(/,\s*/)
    else if (end !== null) endMs = ms(end[1])
    else if (line !== '') lines.push(parseLine(line, i + 1))
  }
  if (title === '') throw new Error('a script begins with # and what it is about')
  if (mustAct === undefined) throw new Error('a script says must-act on … or must-not-act')
  if (endMs === null) throw new Error('a script says when it ends: end at 90s')
  return { title, mustAct, lines, endMs, behaviour, tells }
}

function parseLine(line: string, number: number): Script['lines'][number] {
  const at = AT.exec(line)
  const text = at?.[2] ?? line
  for (const [pattern, handler] of PHRASES) {
    const found = pattern.exec(text)
    if (found === null) continue
    const words = found.slice(1)
    return { atMs: at === null ? 0 : ms(at[1]), text, act: (world) => handler(world, words) }
  }
  throw new Error(`line ${number} is not understood: ${line}`)
}

function find(world: World, name: string | undefined): SimInstance {
  const one = world.instances.get(name ?? '')
  if (one === undefined) throw new Error(`there is no instance ${name}`)
  return one
}

function each(world: World, act: (one: SimInstance) => void): void {
  for (const one of world.instances.values()) act(one)
}

function ms(text: string | undefined): number {
  const found = parseDuration(text ?? '')
  if (found === null) throw new Error(`${text} is not a duration`)
  return found
}

const API = 'healstream.io/v1'
const EVERYWHERE = { services: ['*'] }

/** `policy NAME [for 2s, cooldown 1m]: TRIGGER`; enforce unless the brackets name another mode. */
function addPolicy(world: World, [name = '', options = '', trigger = '']: readonly string[]): void {
  const pairs = options === '' || options === undefined ? [] : options.split(/,\s*/)
  const spec = Object.fromEntries(pairs.map((pair) => pair.split(' ')))
  const document = {
    apiVersion: API,
    kind: 'HealPolicy',
    metadata: { name },
    spec: { match: EVERYWHERE, mode: 'enforce', trigger, action: 'restart_instance', ...spec },
  }
  world.apply('HealPolicy', name, document)
}

/** `detectors: silenceAfterMs 3s, samplesMin 10`. */
function setLimits(
  world: World,
  [which = '', text = '']: readonly string[],
  { name = which, match = EVERYWHERE }: { name?: string; match?: typeof EVERYWHERE } = {},
): void {
  const kind = which === 'guards' ? 'GuardSet' : 'DetectorSet'
  const limits = text.split(/,\s*/).map((pair) => {
    const [key = '', value = ''] = pair.split(' ')
    return [key, Number.isNaN(Number(value)) ? value : Number(value)]
  })
  const spec = { match, ...Object.fromEntries(limits) }
  world.apply(kind, name, { apiVersion: API, kind, metadata: { name }, spec })
}

/** `guards of shop, cart: perMinute 100`. */
function setLimitsOf(world: World, [services = '', text = '']: readonly string[]): void {
  const match = { services: services.split(/,\s*/) }
  setLimits(world, ['guards', text], { name: 'guards-of-some', match })
}

function setRestart(world: World, [name, outcome]: readonly string[]): void {
  find(world, name).outcomes.set('restart', outcome as ActOutcome)
}

/** `a restore of shop-2 fails`. */
function setOutcome(world: World, [action = '', name, outcome]: readonly string[]): void {
  find(world, name).outcomes.set(action, outcome as ActOutcome)
}

/** `plan NAME [verify 10s]: TRIGGER => [{action: restart_instance}, {action: escalate}]`. */
function addPlan(
  world: World,
  [name = '', options = '', trigger = '', ladder = '']: readonly string[],
): void {
  const pairs = options === '' || options === undefined ? [] : options.split(/,\s*/)
  const given = Object.fromEntries(pairs.map((pair) => pair.split(' ')))
  const spec = { match: EVERYWHERE, mode: 'enforce', trigger, ladder: parse(ladder), ...given }
  world.apply('HealPolicy', name, { apiVersion: API, kind: 'HealPolicy', metadata: { name }, spec })
}

function corrupt(one: SimInstance): void {
  one.corrupted = true
  one.crash('SIGABRT')
}

/** `shop-1 runs on h1 with cpu 2, host_cpu 4`; in standby it only offers its host. */
function runsOn(world: World, [name, host = '', standby, text]: readonly string[]): void {
  const one = find(world, name)
  one.host = host
  if (standby !== undefined) one.lifecycle = 'standby'
  const pairs = (text ?? '').split(/,\s*/).filter((pair) => pair !== '')
  one.metadata = Object.fromEntries(pairs.map((pair) => pair.split(' ')))
}

function dies(one: SimInstance, host: string | undefined): void {
  if (one.host !== host) return
  one.process = 'down'
  one.speaks = false
}

/** `shop-1 grows by 10 MiB a minute and collects every 30s`. */
function grow(world: World, [name, mb, every]: readonly (string | undefined)[]): void {
  const { tells } = find(world, name)
  tells.leakMb = Number(mb)
  tells.sinceMs = world.driver.nowMs
  tells.collectMs = every === undefined ? 0 : ms(every)
}

function drift(
  world: World,
  name: string | undefined,
  [toMs, withinMs]: readonly [number, number],
): void {
  const fromMs = world.driver.nowMs
  find(world, name).tells.drift = { fromMs, toMs: fromMs + withinMs, us: toMs * 1_000 }
}

/** `detector fusion: severity unhealthy, k 2`. */
function setDetector(world: World, [name = '', text = '']: readonly string[]): void {
  const pairs = text.split(/,\s*/).map((pair) => pair.split(' '))
  const value = (word: string): unknown =>
    word === 'on' || word === 'off' ? word === 'on' : numberOr(word)
  const rule = Object.fromEntries(pairs.map(([key = '', word = '']) => [key, value(word)]))
  const spec = { match: EVERYWHERE, detectors: { [name]: rule } }
  const metadata = { name: `detector-${name.replaceAll('_', '-')}` }
  world.apply('DetectorSet', metadata.name, {
    apiVersion: API,
    kind: 'DetectorSet',
    metadata,
    spec,
  })
}

function numberOr(word: string): number | string {
  return Number.isNaN(Number(word)) ? word : Number(word)
}
