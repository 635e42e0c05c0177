// Scenario scripts: readable lines, each one thing that happens. A line that nobody understands is
// an error with its number.
import { parseDuration } from '../../contracts/duration.ts'
import { parse } from 'yaml'
import type { ActOutcome, SimInstance } from './instance.ts'
import { PHRASES_OF_MANY } from './phrases-of-many.ts'
import { REGISTRY_PHRASES } from './registry-phrases.ts'
import type { Stage } from './stage.ts'

export interface Script {
  readonly title: string
  /** Instances that may be acted on, each of which must be; null: nothing may be done. */
  readonly mustAct: readonly string[] | null
  readonly lines: readonly { readonly atMs: number; readonly text: string; readonly act: Act }[]
  readonly endMs: number
  /** The least behaviour it speaks of; it runs under the latest, or under this one. */
  readonly behaviour: number
  /** What of the registry and of shares of traffic, or of alerts, is told beside the rest. */
  readonly tells: 'nothing' | 'registry' | 'registry counts' | 'alerts'
}

type Act = (stage: Stage) => void
type Handler = (stage: Stage, words: readonly string[]) => void

const AT = /^at (\S+) (.+)$/
const END = /^end at (\S+)$/
const BEHAVIOUR = /^from behaviour (\d+) on$/
const MUST_ACT = /^must-act on (.+)$/

/** What can be said, and what it does. */
const PHRASES: readonly (readonly [RegExp, Handler])[] = [
  ...PHRASES_OF_MANY,
  [
    /^service (\S+) with (\d+) instances?$/,
    (stage, [name = '', n = '1']) => stage.addService(name, Number(n)),
  ],
  [/^policy (\S+)(?: \[(.*)\])?: (.+)$/, addPolicy],
  [/^(detectors|guards): (.+)$/, setLimits],
  [/^guards of (.+?): (.+)$/, setLimitsOf],
  [/^policy (\S+) is deleted$/, (stage, [name = '']) => stage.remove('HealPolicy', name)],
  [/^the fleet task stops$/, (stage) => stage.fleetTask('stops')],
  [/^the fleet task runs again$/, (stage) => stage.fleetTask('runs')],
  [/^a person holds (\S+)$/, (stage, [service = '']) => stage.hold(service)],
  [/^the hold on (\S+) is released$/, (stage, [service = '']) => stage.release(service)],
  [/^all agents fall silent$/, (stage) => each(stage, (one) => void (one.speaks = false))],
  [/^all agents speak again$/, (stage) => each(stage, (one) => void (one.speaks = true))],
  [/^the agent of (\S+) falls silent$/, (stage, [name]) => void (find(stage, name).speaks = false)],
  [/^the agent of (\S+) speaks again$/, (stage, [name]) => void (find(stage, name).speaks = true)],
  [/^(\S+) crashes$/, (stage, [name]) => find(stage, name).crash('SIGKILL')],
  [/^(\S+) hangs$/, (stage, [name]) => find(stage, name).hang()],
  [
    /^(\S+) serves (\d+) requests a second$/,
    (stage, [name, n]) => void (find(stage, name).rate = Number(n)),
  ],
  [
    /^(\S+) fails (\d+) % of its requests$/,
    (stage, [name, n]) => void (find(stage, name).failedPercent = Number(n)),
  ],
  [
    /^(\S+) answers after (\S+)$/,
    (stage, [name, took]) => void (find(stage, name).latencyUs = ms(took) * 1_000),
  ],
  [
    /^(\S+) tells round trips of (\S+)$/,
    (stage, [name, took]) => void (find(stage, name).tells.rttMs = ms(took)),
  ],
  [
    /^(\S+) loses (\d+) % of its probes$/,
    (stage, [name, n]) => void (find(stage, name).tells.lossPercent = Number(n)),
  ],
  [
    /^(\S+) waits (\S+) a second for a processor$/,
    (stage, [name, took]) => void (find(stage, name).tells.waitMs = ms(took)),
  ],
  [
    /^(\S+) logs (\d+) errors a second$/,
    (stage, [name, n]) => void (find(stage, name).tells.errorLines = Number(n)),
  ],
  [
    /^(\S+) tells metric (\S+) (\S+)$/,
    (world, [name, metric = '', n]) => void find(world, name).tells.metrics.set(metric, Number(n)),
  ],
  [
    /^(\S+) tells metric (\S+) no more$/,
    (world, [name, metric = '']) => void find(world, name).tells.metrics.delete(metric),
  ],
  [
    /^the breaker (\S+) of (\S+) (opens|half opens|closes)$/,
    (stage, [breaker = '', name, how = '']) =>
      find(stage, name).tellBreaker(breaker, BREAKERS[how] ?? 'closed'),
  ],
  [/^(\S+) sends no heartbeats$/, (stage, [name]) => void (find(stage, name).beats = false)],
  [/^(\S+) sends heartbeats again$/, (stage, [name]) => void (find(stage, name).beats = true)],
  [/^(\S+) grows by (\d+) MiB a minute(?: and collects every (\S+))?$/, grow],
  [
    /^(\S+) drifts to (\S+) within (\S+)$/,
    (stage, [name, us, within]) => drift(stage, name, [ms(us), ms(within)]),
  ],
  [
    /^(\S+) runs configuration (\d+)(?: with content (\S+))?$/,
    (stage, [name, n, hash]) => runsConfiguration(find(stage, name), Number(n), hash),
  ],
  [
    /^the clock of (\S+) is (\S+) (ahead|behind)$/,
    (stage, [name, by, where]) => {
      find(stage, name).tells.clockMs = where === 'ahead' ? ms(by) : -ms(by)
    },
  ],
  [
    /^(\S+) is probed from (\S+)$/,
    (stage, [name, other]) => find(stage, name).seenFrom(find(stage, other)),
  ],
  [/^detector (\S+): (.+)$/, setDetector],
  [/^(\S+) is well again$/, (stage, [name]) => find(stage, name).heal()],
  [/^(\S+) deregisters$/, (stage, [name]) => find(stage, name).leave()],
  [/^(\S+) sends everything twice$/, (stage, [name]) => void (find(stage, name).twice = true)],
  [
    /^(\S+) sends its counts (\S+) late$/,
    (stage, [name, by]) => void (find(stage, name).lateMs = ms(by)),
  ],
  [
    /^(\S+) sends counts of its last incarnation$/,
    (stage, [name]) => find(stage, name).sendOldCounts(),
  ],
  [
    /^(\S+) tells of its troubles of (\S+) ago$/,
    (stage, [name, ago]) => find(stage, name).sendOldTroubles(ms(ago)),
  ],
  [/^(\S+) answers a command of long ago$/, (stage, [name]) => find(stage, name).sendOldResult()],
  [
    /^restarting (\S+) takes (\S+)$/,
    (stage, [name, took]) => void (find(stage, name).restartMs = ms(took)),
  ],
  ...REGISTRY_PHRASES,
  [/^restarting (\S+) (helps|is in vain|fails|is not answered|is answered twice)$/, setRestart],
  [/^a (\S+) of (\S+) (helps|fails|is refused|is not answered|is answered twice)$/, setOutcome],
  [/^plan (\S+)(?: \[(.*)\])?: (.+) => (.+)$/, addPlan],
  [/^(\S+) has corrupted data$/, (stage, [name]) => corrupt(find(stage, name))],
  [
    /^(\S+) has (\d+) requests in flight$/,
    (stage, [name, n]) => void (find(stage, name).inFlight = Number(n)),
  ],
  [
    /^(\S+) runs version (\S+)$/,
    (stage, [name, version = '']) => void (find(stage, name).appVersion = version),
  ],
  [/^(\S+) runs on (\S+)(, in standby)?(?: with (.+))?$/, runsOn],
  [/^the host (\S+) dies$/, (stage, [host]) => each(stage, (one) => dies(one, host))],
  [/^config (\S+) of (\S+): (.+)$/, (stage, [name, of, text]) => stage.configure(name, of, text)],
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
    else if (line === 'tells alerts') tells = 'alerts'
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
    return { atMs: at === null ? 0 : ms(at[1]), text, act: (stage) => handler(stage, words) }
  }
  throw new Error(`line ${number} is not understood: ${line}`)
}

function find(stage: Stage, name: string | undefined): SimInstance {
  const one = stage.instances.get(name ?? '')
  if (one === undefined) throw new Error(`there is no instance ${name}`)
  return one
}

function each(stage: Stage, act: (one: SimInstance) => void): void {
  for (const one of stage.instances.values()) act(one)
}

function ms(text: string | undefined): number {
  const found = parseDuration(text ?? '')
  if (found === null) throw new Error(`${text} is not a duration`)
  return found
}

const BREAKERS: Readonly<Record<string, 'open' | 'half_open'>> = {
  opens: 'open',
  'half opens': 'half_open',
}
const API = 'healstream.io/v1'
const EVERYWHERE = { services: ['*'] }

/** `policy NAME [for 2s, cooldown 1m]: TRIGGER`; enforce unless the brackets name another mode. */
function addPolicy(stage: Stage, [name = '', options = '', trigger = '']: readonly string[]): void {
  const pairs = options === '' || options === undefined ? [] : options.split(/,\s*/)
  const spec = Object.fromEntries(pairs.map((pair) => pair.split(' ')))
  const document = {
    apiVersion: API,
    kind: 'HealPolicy',
    metadata: { name },
    spec: { match: EVERYWHERE, mode: 'enforce', trigger, action: 'restart_instance', ...spec },
  }
  stage.apply('HealPolicy', name, document)
}

/** `detectors: silenceAfterMs 3s, samplesMin 10`. */
function setLimits(
  stage: Stage,
  [which = '', text = '']: readonly string[],
  { name = which, match = EVERYWHERE }: { name?: string; match?: typeof EVERYWHERE } = {},
): void {
  const kind = which === 'guards' ? 'GuardSet' : 'DetectorSet'
  const limits = text.split(/,\s*/).map((pair) => {
    const [key = '', value = ''] = pair.split(' ')
    return [key, Number.isNaN(Number(value)) ? value : Number(value)]
  })
  const spec = { match, ...Object.fromEntries(limits) }
  stage.apply(kind, name, { apiVersion: API, kind, metadata: { name }, spec })
}

/** `guards of shop, cart: perMinute 100`. */
function setLimitsOf(stage: Stage, [services = '', text = '']: readonly string[]): void {
  const match = { services: services.split(/,\s*/) }
  setLimits(stage, ['guards', text], { name: 'guards-of-some', match })
}

function setRestart(stage: Stage, [name, outcome]: readonly string[]): void {
  find(stage, name).outcomes.set('restart', outcome as ActOutcome)
}

/** `a restore of shop-2 fails`. */
function setOutcome(stage: Stage, [action = '', name, outcome]: readonly string[]): void {
  find(stage, name).outcomes.set(action, outcome as ActOutcome)
}

/** `plan NAME [verify 10s]: TRIGGER => [{action: restart_instance}, {action: escalate}]`. */
/** A trigger that is no expression is one over time: `plan NAME: {all: [{when: …}, …]} => …`. */
function addPlan(
  stage: Stage,
  [name = '', options = '', text = '', ladder = '']: readonly string[],
): void {
  const trigger: unknown = text.startsWith('{') ? parse(text) : text
  const pairs = options === '' || options === undefined ? [] : options.split(/,\s*/)
  const given = Object.fromEntries(pairs.map((pair) => pair.split(' ')))
  const spec = { match: EVERYWHERE, mode: 'enforce', trigger, ladder: parse(ladder), ...given }
  stage.apply('HealPolicy', name, { apiVersion: API, kind: 'HealPolicy', metadata: { name }, spec })
}

function corrupt(one: SimInstance): void {
  one.corrupted = true
  one.crash('SIGABRT')
}

/** `shop-1 runs on h1 with cpu 2, host_cpu 4`; in standby it only offers its host. */
function runsOn(stage: Stage, [name, host = '', standby, text]: readonly string[]): void {
  const one = find(stage, name)
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
function grow(stage: Stage, [name, mb, every]: readonly (string | undefined)[]): void {
  const { tells } = find(stage, name)
  tells.leakMb = Number(mb)
  tells.sinceMs = stage.driver.nowMs
  tells.collectMs = every === undefined ? 0 : ms(every)
}

function runsConfiguration(one: SimInstance, version: number, hash: string | undefined): void {
  one.tells.configVersion = version
  one.tells.configHash = hash ?? null
}

function drift(
  stage: Stage,
  name: string | undefined,
  [toMs, withinMs]: readonly [number, number],
): void {
  const fromMs = stage.driver.nowMs
  find(stage, name).tells.drift = { fromMs, toMs: fromMs + withinMs, us: toMs * 1_000 }
}

/** `detector fusion: severity unhealthy, k 2`. */
function setDetector(stage: Stage, [name = '', text = '']: readonly string[]): void {
  const pairs = text.split(/,\s*/).map((pair) => pair.split(' '))
  const value = (word: string): unknown =>
    word === 'on' || word === 'off' ? word === 'on' : numberOr(word)
  const rule = Object.fromEntries(pairs.map(([key = '', word = '']) => [key, value(word)]))
  const spec = { match: EVERYWHERE, detectors: { [name]: rule } }
  const metadata = { name: `detector-${name.replaceAll('_', '-')}` }
  stage.apply('DetectorSet', metadata.name, {
    apiVersion: API,
    kind: 'DetectorSet',
    metadata,
    spec,
  })
}

function numberOr(word: string): number | string {
  return Number.isNaN(Number(word)) ? word : Number(word)
}
