// The settings of a process: flag, then environment, then file, then default, each value with where
// it came from. Whatever cannot be used is refused here, with the place that said it, before
// anything is reached for.
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { HsError } from '../contracts/failure.ts'
import { documentProblems } from '../contracts/policy-problem.ts'
import { editDistance } from '../contracts/suggest.ts'
import { DEFAULT_PREFIX } from '../contracts/topics.ts'
import { refuseSecretVariables, withoutUserInfo } from './secrets.ts'
import type { NotifierSettings } from './notifier-settings.ts'
import { fieldOf, readSettingsFile } from './settings-file.ts'
import type { SettingsFile } from './settings-file.ts'
import { fileSchema, SETTINGS, settingsJsonSchema } from './settings-schema.ts'
import type {
  AgentSettings,
  FileSettings,
  LogLevel,
  SaslMechanism,
  SettingSpec,
} from './settings-schema.ts'
import { fieldName } from './yaml-place.ts'

const DEFAULT_GROUP = 'healstream'
const DEFAULT_STANDBYS = 1

type Environment = Readonly<Record<string, string | undefined>>

export interface TlsSettings {
  readonly caFile: string | null
  readonly certFile: string | null
  readonly keyFile: string | null
}

export type SaslSettings =
  | {
      readonly mechanism: Exclude<SaslMechanism, 'OAUTHBEARER'>
      readonly username: string
      readonly passwordFile: string
    }
  | { readonly mechanism: 'OAUTHBEARER'; readonly tokenFile: string }

export interface KafkaSettings {
  /** `host:port`, at least one. */
  readonly brokers: readonly string[]
  readonly tls: TlsSettings | null
  readonly sasl: SaslSettings | null
}

export interface RegistrySettings {
  readonly url: string
  readonly account: { readonly username: string; readonly passwordFile: string } | null
}

export interface RedisSettings {
  readonly url: string
  readonly username: string | null
  readonly passwordFile: string | null
  /** null unless the URL says `rediss:`. */
  readonly tls: TlsSettings | null
}

export interface Settings {
  /** null: no broker is named. */
  readonly kafka: KafkaSettings | null
  readonly registry: RegistrySettings | null
  readonly prefix: string
  readonly group: string
  readonly cacheDir: string
  /** Workers that follow each task beside its owner. */
  readonly standbys: number
  /** Whether tasks take a new behaviour as soon as every worker has it. */
  readonly upgrade: 'auto' | 'hold'
  /** Where a projector shares its views; null: it keeps them to itself. */
  readonly redis: RedisSettings | null
  readonly port: number
  readonly logLevel: LogLevel
  readonly agent: AgentSettings | null
  readonly notifier: NotifierSettings | null
}

/** One effective value, for people. */
export interface SettingView {
  readonly key: string
  readonly value: unknown
  /** `flag --brokers`, `environment HEALSTREAM_KAFKA_BROKERS`, `file x.yaml:3`, `default`. */
  readonly origin: string
}

export interface ResolvedSettings {
  readonly settings: Settings
  /** Every setting, in a fixed order; null where it is not set. */
  readonly view: readonly SettingView[]
  /** What is allowed but hardly meant. */
  readonly warnings: readonly string[]
  /** What must name a readable file, with its origin. */
  readonly origin: (key: string) => string
}

/** Words of flags by name without dashes; a number where the command line has read one. */
export type SettingFlags = Readonly<Record<string, unknown>>

/** Errors: HS_CONFIG naming flag, variable or place in the file. */
export function resolveSettings(flags: SettingFlags, env: Environment): ResolvedSettings {
  refuseSecretVariables(env)
  const path = given(flags['config']) ?? given(env['HEALSTREAM_CONFIG'])
  const file = path === null ? null : readSettingsFile(path)
  const origins = new Map<string, string>()
  const tree: Record<string, unknown> = { ...structuredClone(file?.settings) }
  for (const spec of SETTINGS) {
    const text = spoken(spec, flags, env)
    if (text !== null) {
      setAt(tree, spec.key, valueOf(spec, text))
      origins.set(spec.key, text.origin)
    } else if (file !== null && getAt(tree, spec.key) !== undefined)
      origins.set(spec.key, `file ${file.path}:${file.lineOf(spec.key)}`)
  }
  const origin = (key: string): string => origins.get(key) ?? 'default'
  const settings = assemble(validated(tree, file, origin), origin, env)
  return {
    settings,
    view: viewOf(tree, settings, origin),
    warnings: warningsOf(settings, env),
    origin,
  }
}

interface Spoken {
  readonly text: string
  readonly origin: string
}

const given = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? `${value}` : null

function camel(name: string): string {
  return name.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

function spoken(spec: SettingSpec, flags: SettingFlags, env: Environment): Spoken | null {
  const flag = spec.flag === null ? null : given(flags[camel(spec.flag)])
  if (flag !== null) return { text: flag, origin: `flag --${spec.flag}` }
  const variable = given(env[spec.env])
  return variable === null ? null : { text: variable, origin: `environment ${spec.env}` }
}

/** What a text says, as the type of its setting; a text that says no such thing stays a text. */
function valueOf(spec: SettingSpec, { text }: Spoken): unknown {
  if (spec.kind === 'list') return text.split(',').map((part) => part.trim())
  if (spec.kind === 'switch') return text === 'true' ? true : text === 'false' ? false : text
  if (spec.kind === 'number') return /^\d+$/.test(text) ? Number(text) : text
  return spec.isPath === true ? resolve(text) : text
}

function getAt(tree: unknown, key: string): unknown {
  return key.split('.').reduce<unknown>((at, step) => fieldOf(at, step), tree)
}

function setAt(tree: Record<string, unknown>, key: string, value: unknown): void {
  const steps = key.split('.')
  const last = steps.pop() ?? ''
  let at: object = tree
  for (const step of steps) {
    const held = fieldOf(at, step)
    const next = typeof held === 'object' && held !== null ? held : {}
    Reflect.set(at, step, next)
    at = next
  }
  Reflect.set(at, last, value)
}

/** The file was right by itself, so what is wrong came from a flag or a variable. */
function validated(
  tree: Record<string, unknown>,
  file: SettingsFile | null,
  origin: (key: string) => string,
): FileSettings {
  const { agent: _agent, notifier: _notifier, ...leaves } = tree
  const parsed = fileSchema.safeParse(leaves)
  const { agent, notifier } = file?.settings ?? {}
  if (parsed.success) return { ...parsed.data, agent, notifier }
  const shown: unknown = JSON.parse(JSON.stringify(leaves), (_key, held: unknown) =>
    typeof held === 'string' ? withoutUserInfo(held) : held,
  )
  const said = documentProblems(parsed.error.issues, shown, settingsJsonSchema()).map(
    ({ path, found, expected, hint }) => {
      const key = path.filter((step) => typeof step === 'string').join('.')
      const what = `${fieldName(path)} (${origin(key)}): found ${found}, expected ${expected}`
      return hint === null ? what : `${what}; ${hint}`
    },
  )
  throw new HsError('HS_CONFIG', said.join('\n'))
}

type Origin = (key: string) => string

function assemble(file: FileSettings, origin: Origin, env: Environment): Settings {
  const { kafka, registry } = file
  const brokers = kafka?.brokers ?? null
  const tls = tlsOf(kafka?.tls, origin)
  const sasl = saslOf(kafka?.sasl, origin)
  return {
    kafka: brokers === null ? null : { brokers, tls, sasl },
    registry: registryOf(registry, origin),
    prefix: file.prefix ?? DEFAULT_PREFIX,
    group: file.group ?? DEFAULT_GROUP,
    cacheDir: file.cacheDir ?? defaultCache(env),
    standbys: file.standbys ?? DEFAULT_STANDBYS,
    upgrade: file.upgrade ?? 'auto',
    redis: redisOf(file, origin),
    port: file.http?.port ?? 0,
    logLevel: file.log?.level ?? 'info',
    agent: file.agent ?? null,
    notifier: file.notifier ?? null,
  }
}

function defaultCache(env: Environment): string {
  const base = given(env['XDG_CACHE_HOME']) ?? join(given(env['HOME']) ?? homedir(), '.cache')
  return join(base, 'healstream')
}

type KafkaFile = NonNullable<FileSettings['kafka']>

function tlsOf(tls: KafkaFile['tls'], origin: Origin): TlsSettings | null {
  const { enabled, caFile = null, certFile = null, keyFile = null } = tls ?? {}
  const named = caFile ?? certFile ?? keyFile
  if (enabled === false && named !== null)
    throw conflict('kafka.tls.enabled', origin, 'is false, and yet a file of TLS is named')
  if ((certFile === null) !== (keyFile === null)) {
    const [one, other] = keyFile === null ? ['cert', 'key'] : ['key', 'cert']
    const key = `kafka.tls.${one}File`
    throw conflict(key, origin, `needs kafka.tls.${other}File beside it`)
  }
  return enabled === true || named !== null ? { caFile, certFile, keyFile } : null
}

function saslOf(sasl: KafkaFile['sasl'], origin: Origin): SaslSettings | null {
  const { mechanism, username, passwordFile, tokenFile } = sasl ?? {}
  if (mechanism === undefined) {
    const held = ['username', 'passwordFile', 'tokenFile'].find((name) => fieldOf(sasl, name))
    if (held === undefined) return null
    throw conflict(`kafka.sasl.${held}`, origin, 'is set, kafka.sasl.mechanism is not')
  }
  const need = (name: string): HsError =>
    conflict('kafka.sasl.mechanism', origin, `is ${mechanism}, which needs kafka.sasl.${name}`)
  if (mechanism === 'OAUTHBEARER') {
    if (tokenFile === undefined) throw need('tokenFile')
    return { mechanism, tokenFile }
  }
  if (username === undefined) throw need('username')
  if (passwordFile === undefined) throw need('passwordFile')
  return { mechanism, username, passwordFile }
}

function registryOf(registry: FileSettings['registry'], origin: Origin): RegistrySettings | null {
  const { url, username, passwordFile } = registry ?? {}
  if ((username === undefined) !== (passwordFile === undefined)) {
    const [one, other] =
      passwordFile === undefined ? ['username', 'passwordFile'] : ['passwordFile', 'username']
    throw conflict(`registry.${one}`, origin, `needs registry.${other} beside it`)
  }
  if (url === undefined) return null
  const isWhole = username !== undefined && passwordFile !== undefined
  return { url: url.replace(/\/+$/, ''), account: isWhole ? { username, passwordFile } : null }
}

function redisOf({ views, redis }: FileSettings, origin: Origin): RedisSettings | null {
  const { url, username = null, passwordFile = null } = redis ?? {}
  const { caFile = null, certFile = null, keyFile = null } = redis ?? {}
  if (views !== 'redis') return null
  if (url === undefined) throw conflict('views', origin, 'is redis, which needs redis.url')
  if (username !== null && passwordFile === null)
    throw conflict('redis.username', origin, 'needs redis.passwordFile beside it')
  const isTls = url.startsWith('rediss:')
  const named = ['caFile', 'certFile', 'keyFile'].find((name) => fieldOf(redis, name))
  if (named !== undefined && !isTls)
    throw conflict(`redis.${named}`, origin, 'is of TLS, and redis.url does not begin rediss:')
  if ((certFile === null) !== (keyFile === null))
    throw conflict('redis.url', origin, 'needs redis.certFile and redis.keyFile, or neither')
  return { url, username, passwordFile, tls: isTls ? { caFile, certFile, keyFile } : null }
}

function conflict(key: string, origin: Origin, what: string): HsError {
  return new HsError('HS_CONFIG', `${key} (${origin(key)}) ${what}`)
}

const EFFECTIVE: Readonly<Record<string, (settings: Settings) => unknown>> = {
  prefix: (settings) => settings.prefix,
  group: (settings) => settings.group,
  cacheDir: (settings) => settings.cacheDir,
  standbys: (settings) => settings.standbys,
  upgrade: (settings) => settings.upgrade,
  views: (settings) => (settings.redis === null ? 'memory' : 'redis'),
  'http.port': (settings) => settings.port,
  'log.level': (settings) => settings.logLevel,
  'kafka.tls.enabled': ({ kafka }) => kafka?.tls !== null && kafka !== null,
}

function viewOf(tree: unknown, settings: Settings, origin: Origin): readonly SettingView[] {
  const leaves = SETTINGS.map(({ key }) => {
    const value = getAt(tree, key) ?? EFFECTIVE[key]?.(settings) ?? null
    return { key, value, origin: value === null ? 'not set' : origin(key) }
  })
  return [...leaves, ...sectionsOf(settings)]
}

/** What only a file can say. */
function sectionsOf({ agent, notifier }: Settings): readonly SettingView[] {
  const said = {
    'agent.id': agent?.id,
    'agent.stateDir': agent?.stateDir,
    'agent.instances': agent?.instances.map((one) => one.instance),
    'notifier.sinks': notifier?.sinks.map(({ name, kind }) => `${name} (${kind})`),
    'notifier.routes': notifier?.routes,
  }
  return Object.entries(said).flatMap(([key, value]) => {
    return value === undefined ? [] : [{ key, value, origin: 'file' }]
  })
}

const TYPO_EDITS = 3
const AREAS =
  /^HEALSTREAM_(KAFKA|REGISTRY|HTTP|LOG|PREFIX|GROUP|CACHE|CONFIG|STANDBY|UPGRADE|VIEWS|REDIS)/

function warningsOf({ kafka, registry, redis }: Settings, env: Environment): readonly string[] {
  const warnings: string[] = []
  if (kafka?.sasl?.mechanism === 'PLAIN' && kafka.tls === null)
    warnings.push('SASL PLAIN without TLS sends the password in the clear')
  if (kafka?.sasl?.mechanism === 'OAUTHBEARER' && kafka.tls === null)
    warnings.push('SASL OAUTHBEARER without TLS sends the token in the clear')
  if (registry !== null && registry.account !== null && registry.url.startsWith('http:'))
    warnings.push('the password of the schema registry goes over plain http')
  if (redis !== null && redis.passwordFile !== null && redis.tls === null)
    warnings.push('the password of Redis goes in the clear: use a URL that begins rediss:')
  const known = [...SETTINGS.map((spec) => spec.env), 'HEALSTREAM_CONFIG']
  for (const name of Object.keys(env).sort()) {
    if (!AREAS.test(name) || known.includes(name)) continue
    // Kubernetes sets variables of this look for a Service called healstream-…: no mistake at all.
    const near = known.find((other) => editDistance(name, other) <= TYPO_EDITS)
    if (near !== undefined) warnings.push(`${name} in the environment means nothing; ${near} does`)
  }
  return warnings
}
