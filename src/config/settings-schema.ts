// What can be set for a process: the tree of a configuration file as a zod schema, and for each
// leaf the flag and the environment variable that set the same. Secrets are never here, only the
// files that hold them.
import * as z from 'zod'
import { DURATION_PATTERN, parseDuration } from '../contracts/duration.ts'
import { idProblem } from '../contracts/ids.ts'
import { type NotifierSettings, notifierSchema } from './notifier-settings.ts'

const SASL_MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'] as const
/** More copies of a task than this help nobody. */
const STANDBYS_MAX = 5
const UPGRADES = ['auto', 'hold'] as const
const VIEWS = ['memory', 'redis'] as const
const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const
const PROBE_PROFILES = ['fast', 'isolate', 'default', 'conservative'] as const

export type SaslMechanism = (typeof SASL_MECHANISMS)[number]
export type LogLevel = (typeof LOG_LEVELS)[number]

export interface InstanceSettings {
  readonly service: string
  readonly instance: string
  readonly port: number
  readonly healthPath: string
  /** Program and arguments, never a shell line. */
  readonly command: readonly string[]
  readonly env?: Readonly<Record<string, string>> | undefined
  readonly cwd?: string | undefined
  readonly zone?: string | undefined
  readonly version?: string | undefined
  /** Between SIGTERM and SIGKILL, ms. */
  readonly grace?: number | undefined
  /** Until its health has answered, ms. */
  readonly startTimeout?: number | undefined
}

export interface AgentSettings {
  readonly id: string
  /** A folder of this agent alone; a new one is a new epoch. */
  readonly stateDir: string
  readonly probeProfile?: (typeof PROBE_PROFILES)[number] | undefined
  readonly exitSignal?: boolean | undefined
  readonly instances: readonly InstanceSettings[]
}

interface TlsFile {
  readonly enabled?: boolean | undefined
  readonly caFile?: string | undefined
  readonly certFile?: string | undefined
  readonly keyFile?: string | undefined
}

interface SaslFile {
  readonly mechanism?: SaslMechanism | undefined
  readonly username?: string | undefined
  readonly passwordFile?: string | undefined
  readonly tokenFile?: string | undefined
}

interface RegistryFile {
  readonly url?: string | undefined
  readonly username?: string | undefined
  readonly passwordFile?: string | undefined
}

interface RedisFile {
  readonly url?: string | undefined
  readonly username?: string | undefined
  readonly passwordFile?: string | undefined
  readonly caFile?: string | undefined
  readonly certFile?: string | undefined
  readonly keyFile?: string | undefined
}

/** What a configuration file says. */
export interface FileSettings {
  readonly kafka?:
    | {
        readonly brokers?: readonly string[] | undefined
        readonly tls?: TlsFile | undefined
        readonly sasl?: SaslFile | undefined
      }
    | undefined
  readonly registry?: RegistryFile | undefined
  readonly prefix?: string | undefined
  readonly group?: string | undefined
  readonly cacheDir?: string | undefined
  readonly standbys?: number | undefined
  readonly upgrade?: 'auto' | 'hold' | undefined
  readonly views?: (typeof VIEWS)[number] | undefined
  readonly redis?: RedisFile | undefined
  readonly http?: { readonly port?: number | undefined } | undefined
  readonly log?: { readonly level?: LogLevel | undefined } | undefined
  readonly agent?: AgentSettings | undefined
  readonly notifier?: NotifierSettings | undefined
}

const A_BROKER = 'host:port, as in kafka-1.example:9092'
const broker = z.string(A_BROKER).refine(isBroker, A_BROKER)

/** `host:port`, an IPv6 address in brackets. */
function isBroker(text: string): boolean {
  const found = /^(?:[\w.-]{1,255}|\[[\da-fA-F:.]{2,45}\]):(\d{1,5})$/.exec(text)
  return found !== null && Number(found[1]) > 0 && Number(found[1]) <= 65_535
}

const A_PREFIX = 'a start of topic names: letters, digits, dot, dash and underscore, at most 100'
const text = z.string().min(1).max(1_024)
const path = text
const port = z.int().min(0).max(65_535)
const A_REGISTRY = 'an http or https URL without user and password in it'
const registryUrl = z.string(A_REGISTRY).refine((url) => isPlainUrl(url), A_REGISTRY)

const A_REDIS = 'redis://host:port or, with TLS, rediss://host:port, no user and password in it'
const redisUrl = z.string(A_REDIS).refine((url) => {
  const isOne = isPlainUrl(url, /^rediss?:$/) && new URL(url).hostname !== ''
  return isOne && /^(\/\d{0,3})?$/.test(new URL(url).pathname)
}, A_REDIS)

function isPlainUrl(url: string, protocols: RegExp = /^https?:$/): boolean {
  const parsed = URL.canParse(url) ? new URL(url) : null
  if (parsed === null || !protocols.test(parsed.protocol)) return false
  return parsed.username === '' && parsed.password === ''
}

const AN_ID = 'an id: 1 to 255 bytes of text without control characters'
const id = z.string(AN_ID).refine((value) => idProblem(value) === null, AN_ID)
const A_DURATION = 'a duration such as 500ms, 10s or 1m'
const durationMs = z
  .string(A_DURATION)
  .regex(DURATION_PATTERN, A_DURATION)
  .transform((value) => parseDuration(value) ?? 0)

const instance: z.ZodType<InstanceSettings> = z.strictObject({
  service: id,
  instance: id,
  port: port.min(1),
  healthPath: z.string().regex(/^\/[\x21-\x7e]*$/, 'a path, as in /health'),
  command: z.array(z.string().min(1).max(4_096)).min(1),
  env: z.record(z.string().regex(/^[A-Za-z_]\w*$/, 'a name of a variable'), z.string()).optional(),
  cwd: path.optional(),
  zone: text.optional(),
  version: text.optional(),
  grace: durationMs.optional(),
  startTimeout: durationMs.optional(),
})

const agent: z.ZodType<AgentSettings> = z.strictObject({
  id,
  stateDir: path,
  probeProfile: z.enum(PROBE_PROFILES).optional(),
  exitSignal: z.boolean().optional(),
  instances: z.array(instance).min(1).max(256),
})

/** A configuration file. Everything may be left out. */
export const fileSchema: z.ZodType<FileSettings> = z.strictObject({
  kafka: z
    .strictObject({
      brokers: z.array(broker).min(1).max(64).optional(),
      tls: z
        .strictObject({
          enabled: z.boolean().optional(),
          caFile: path.optional(),
          certFile: path.optional(),
          keyFile: path.optional(),
        })
        .optional(),
      sasl: z
        .strictObject({
          mechanism: z.enum(SASL_MECHANISMS).optional(),
          username: text.optional(),
          passwordFile: path.optional(),
          tokenFile: path.optional(),
        })
        .optional(),
    })
    .optional(),
  registry: z
    .strictObject({
      url: registryUrl.optional(),
      username: text.optional(),
      passwordFile: path.optional(),
    })
    .optional(),
  prefix: z
    .string(A_PREFIX)
    .regex(/^[a-zA-Z0-9._-]{1,100}$/, A_PREFIX)
    .optional(),
  group: text.max(255).optional(),
  cacheDir: path.optional(),
  standbys: z.int().min(0).max(STANDBYS_MAX).optional(),
  upgrade: z.enum(UPGRADES).optional(),
  views: z.enum(VIEWS).optional(),
  redis: z
    .strictObject({
      url: redisUrl.optional(),
      username: text.optional(),
      passwordFile: path.optional(),
      caFile: path.optional(),
      certFile: path.optional(),
      keyFile: path.optional(),
    })
    .optional(),
  http: z.strictObject({ port: port.optional() }).optional(),
  log: z.strictObject({ level: z.enum(LOG_LEVELS).optional() }).optional(),
  agent: agent.optional(),
  notifier: notifierSchema.optional(),
})

/** How a text from a flag or a variable becomes a value. */
type TextKind = 'text' | 'list' | 'switch' | 'number'

export interface SettingSpec {
  /** Path in a configuration file. */
  readonly key: string
  readonly env: string
  /** Name of the option without dashes, or null. */
  readonly flag: string | null
  readonly kind: TextKind
  /** A relative path in a file stands beside that file. */
  readonly isPath?: true
}

/** Every leaf but those of agent and notifier, which are set in a file alone. */
export const SETTINGS: readonly SettingSpec[] = [
  { key: 'kafka.brokers', env: 'HEALSTREAM_KAFKA_BROKERS', flag: 'brokers', kind: 'list' },
  { key: 'kafka.tls.enabled', env: 'HEALSTREAM_KAFKA_TLS', flag: null, kind: 'switch' },
  pathOf('kafka.tls.caFile', 'HEALSTREAM_KAFKA_TLS_CA_FILE'),
  pathOf('kafka.tls.certFile', 'HEALSTREAM_KAFKA_TLS_CERT_FILE'),
  pathOf('kafka.tls.keyFile', 'HEALSTREAM_KAFKA_TLS_KEY_FILE'),
  textOf('kafka.sasl.mechanism', 'HEALSTREAM_KAFKA_SASL_MECHANISM'),
  textOf('kafka.sasl.username', 'HEALSTREAM_KAFKA_SASL_USERNAME'),
  pathOf('kafka.sasl.passwordFile', 'HEALSTREAM_KAFKA_SASL_PASSWORD_FILE'),
  pathOf('kafka.sasl.tokenFile', 'HEALSTREAM_KAFKA_SASL_TOKEN_FILE'),
  textOf('registry.url', 'HEALSTREAM_REGISTRY_URL', 'registry'),
  textOf('registry.username', 'HEALSTREAM_REGISTRY_USERNAME'),
  pathOf('registry.passwordFile', 'HEALSTREAM_REGISTRY_PASSWORD_FILE'),
  textOf('prefix', 'HEALSTREAM_PREFIX', 'prefix'),
  textOf('group', 'HEALSTREAM_GROUP', 'group'),
  { ...pathOf('cacheDir', 'HEALSTREAM_CACHE_DIR'), flag: 'cache-dir' },
  { key: 'standbys', env: 'HEALSTREAM_STANDBYS', flag: null, kind: 'number' },
  textOf('upgrade', 'HEALSTREAM_UPGRADE'),
  textOf('views', 'HEALSTREAM_VIEWS'),
  textOf('redis.url', 'HEALSTREAM_REDIS_URL'),
  textOf('redis.username', 'HEALSTREAM_REDIS_USERNAME'),
  pathOf('redis.passwordFile', 'HEALSTREAM_REDIS_PASSWORD_FILE'),
  pathOf('redis.caFile', 'HEALSTREAM_REDIS_CA_FILE'),
  pathOf('redis.certFile', 'HEALSTREAM_REDIS_CERT_FILE'),
  pathOf('redis.keyFile', 'HEALSTREAM_REDIS_KEY_FILE'),
  { key: 'http.port', env: 'HEALSTREAM_HTTP_PORT', flag: 'port', kind: 'number' },
  textOf('log.level', 'HEALSTREAM_LOG_LEVEL', 'log-level'),
]

function textOf(key: string, env: string, flag: string | null = null): SettingSpec {
  return { key, env, flag, kind: 'text' }
}

function pathOf(key: string, env: string): SettingSpec {
  return { key, env, flag: null, kind: 'text', isPath: true }
}

/** JSON Schema (2020-12) of a configuration file, for editors and for hints. */
export function settingsJsonSchema(): unknown {
  return z.toJSONSchema(fileSchema, { io: 'input' })
}
