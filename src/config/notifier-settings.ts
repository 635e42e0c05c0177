// The section `notifier` of a configuration file: sinks, which tier goes to which of them, and who
// is told how incidents ended. Secrets are never here, only the files that hold them.
import * as z from 'zod'
import { DURATION_PATTERN, parseDuration } from '../contracts/duration.ts'

export const SINK_KINDS = ['webhook', 'alertmanager', 'file', 'console'] as const
export type SinkKind = (typeof SINK_KINDS)[number]

export interface SinkSettings {
  readonly name: string
  readonly kind: SinkKind
  /** Of webhook and alertmanager: http or https, without user and password. */
  readonly url?: string | undefined
  /** Of webhook and alertmanager: holds what is sent as a bearer token. */
  readonly tokenFile?: string | undefined
  /** Of webhook and alertmanager: for one request, ms. Default 5 s. */
  readonly timeout?: number | undefined
  /** Of file: where its lines are appended. */
  readonly path?: string | undefined
  /** How long alerts of a group are gathered for one notification, ms. Default 1 s. */
  readonly groupWait?: number | undefined
  /** `group` (default): a notification for each group of alerts; `all`: one for all of them. */
  readonly grouping?: 'group' | 'all' | undefined
}

export interface NotifierSettings {
  readonly sinks: readonly SinkSettings[]
  /** Names of sinks by route. */
  readonly routes: Readonly<Record<string, readonly string[]>>
  /** Names of sinks that are told how incidents ended (S0-56). */
  readonly outcomes?: readonly string[] | undefined
  /** How far back a sink begins that has been told nothing yet, ms. Default 1 h. */
  readonly lookback?: number | undefined
}

const GROUP_WAIT_MAX_MS = 86_400_000
const A_NAME = 'a name: letters, digits, dash and underscore, at most 64'
const name = z.string(A_NAME).regex(/^[a-zA-Z0-9_-]{1,64}$/, A_NAME)
const A_DURATION = 'a duration such as 500ms, 10s or 1m'
const durationMs = z
  .string(A_DURATION)
  .regex(DURATION_PATTERN, A_DURATION)
  .transform((value) => parseDuration(value) ?? 0)
const AN_ADDRESS = 'an http or https URL without user and password in it'
const url = z.string(AN_ADDRESS).refine((text) => {
  const parsed = URL.canParse(text) ? new URL(text) : null
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) return false
  return parsed.username === '' && parsed.password === ''
}, AN_ADDRESS)
const path = z.string().min(1).max(1_024)

const sink = z.strictObject({
  name,
  kind: z.enum(SINK_KINDS),
  url: url.optional(),
  tokenFile: path.optional(),
  timeout: durationMs.refine((ms) => ms >= 100 && ms <= 60_000, '100ms to 60s').optional(),
  path: path.optional(),
  groupWait: durationMs.refine((ms) => ms <= GROUP_WAIT_MAX_MS, 'at most 1d').optional(),
  grouping: z.enum(['group', 'all']).optional(),
})

/** What a sink of each kind has to say, and may not say. */
const NEEDS: Readonly<Record<SinkKind, readonly [needs: 'url' | 'path' | null, not: string[]]>> = {
  webhook: ['url', ['path']],
  alertmanager: ['url', ['path']],
  file: ['path', ['url', 'tokenFile', 'timeout']],
  console: [null, ['url', 'path', 'tokenFile', 'timeout']],
}

export const notifierSchema: z.ZodType<NotifierSettings> = z
  .strictObject({
    sinks: z.array(sink).min(1).max(32),
    routes: z.record(name, z.array(name).max(32)),
    outcomes: z.array(name).max(32).optional(),
    lookback: durationMs.optional(),
  })
  .superRefine((notifier, context) => {
    const say = (message: string, ...at: (string | number)[]): void => {
      context.addIssue({ code: 'custom', path: at, message })
    }
    const names = notifier.sinks.map((one) => one.name)
    notifier.sinks.forEach((one, i) => {
      const [needs, not] = NEEDS[one.kind]
      if (names.indexOf(one.name) !== i) say('a name no other sink has', 'sinks', i, 'name')
      if (needs !== null && one[needs] === undefined)
        say(`a ${one.kind} sink with a ${needs}`, 'sinks', i)
      for (const field of not)
        if (Object.hasOwn(one, field)) say(`nothing here, in a ${one.kind}`, 'sinks', i, field)
    })
    const known = (named: readonly string[], ...at: string[]): void =>
      named.forEach((one, i) => {
        if (!names.includes(one)) say(`one of the sinks: ${names.join(', ')}`, ...at, i)
      })
    for (const [route, named] of Object.entries(notifier.routes)) known(named, 'routes', route)
    known(notifier.outcomes ?? [], 'outcomes')
    for (const [i, one] of (notifier.outcomes ?? []).entries())
      if (notifier.sinks.find((held) => held.name === one)?.kind === 'alertmanager')
        say('no Alertmanager, which takes alerts only', 'outcomes', i)
  })
