// Service events as strangers send them (C-09): the bare four-field JSON (S0-18: service_name,
// action, cluster_id, timestamp), the shape with ServiceName, InstanceID, EventType, Timestamp
// (S4-10), the change of a node with node_id, status UP or DOWN, and version (S1-27), and all of
// them with more of our own fields. Names are taken in snake_case, camelCase and PascalCase and by
// their aliases (C-31). Nothing is guessed: what cannot be kept without loss is refused, and the
// refusal names the field, what was found and what to do.
import { z } from 'zod'
import {
  type ClusterId,
  clusterId,
  eventId,
  ID_BYTES_MAX,
  idProblem,
  instanceId,
  serviceId,
} from './ids.ts'
import { printable } from './printable.ts'
import type { Lifecycle, ServiceAction, ServiceEvent } from './records.ts'
import { type JsonValue, readJson } from './strict-json.ts'
import { didYouMean } from './suggest.ts'

export const EDGE_LIMITS = { bytesMax: 65_536, depthMax: 32 } as const

export interface EdgeProblem {
  /** Field by its wire name, or the place in the text; empty = the event as a whole. */
  readonly field: string
  readonly found: string
  readonly fix: string
}

export type EdgeResult =
  | { readonly ok: true; readonly event: ServiceEvent }
  | { readonly ok: false; readonly problem: EdgeProblem }

export interface EdgeContext {
  /**
   * Taken for events that name no cluster (the S4-10 shape has none). Absent: those are refused.
   */
  readonly clusterId?: ClusterId
}

/** What the record says around a change of a node, which names neither service nor time itself. */
export interface NodeContext extends EdgeContext {
  /** Key of the record, which is the service on this topic; null: it has none. */
  readonly service: string | null
  /** Append time of the record, epoch ms. */
  readonly appendMs: number
}

/** Actions that may be announced, S4-10's REGISTER, HEALTHY and UNHEALTHY among them. */
const ACTIONS = [
  'register',
  'deregister',
  'healthy',
  'unstable',
  'unhealthy',
  'renew',
  'drain',
] as const satisfies readonly ServiceAction[]
const LIFECYCLES = ['standby', 'ready', 'draining', 'gone'] as const satisfies readonly Lifecycle[]

/** Other names of fields, after `snakeCase`. */
const ALIASES: Readonly<Record<string, string>> = {
  service: 'service_name',
  event_type: 'action',
  cluster: 'cluster_id',
  instance: 'instance_id',
  address: 'host',
}

/** Names of S1-27's change of a node; the value of its status is what it did. */
const NODE_ALIASES: Readonly<Record<string, string>> = { node_id: 'instance_id', status: 'action' }
const NODE_ACTIONS: ReadonlyMap<JsonValue, ServiceAction> = new Map([
  ['UP', 'register'],
  ['DOWN', 'deregister'],
])

/** Fields of ServiceEvent that only healstream itself sets. */
const OURS = ['agent', 'epoch', 'seq', 'path', 'vector', 'origin']

const LABEL_MAX = 1_024
const text = z.string().max(LABEL_MAX)
const count = z.int().min(0)
const optional = <T extends z.ZodType>(type: T): z.ZodDefault<z.ZodNullable<T>> =>
  type.nullable().default(null as never)

/** An id that passes `idProblem`, as its brand. */
function id<T extends string>(brand: (text: string) => T): z.ZodType<T> {
  return z.string().transform((value, context) => {
    const problem = idProblem(value)
    if (problem === null) return brand(value)
    context.addIssue({ code: 'custom', message: problem, input: value })
    return z.NEVER
  })
}

/** Epoch ms of 13 digits, 2001 to 2286: seconds and microseconds cannot pass for it. */
const timestamp = z.int().superRefine((value, context) => {
  const unit = unitOf(value)
  if (unit === 'ms') return
  context.addIssue({ code: 'custom', message: unit, input: value })
})

function unitOf(value: number): string {
  const digits = String(Math.abs(value)).length
  if (value >= 1e12 && value < 1e13) return 'ms'
  if (value < 0) return 'a time before 1970'
  if (digits === 10) return 'seconds'
  if (digits === 16) return 'microseconds'
  return `${digits} digits`
}

const fields = {
  service_name: id(serviceId),
  action: z.string().toLowerCase().pipe(z.enum(ACTIONS)),
  cluster_id: id(clusterId),
  timestamp,
  event_id: optional(id(eventId)),
  instance_id: optional(id(instanceId)),
  incarnation: count.default(0),
  version: count.default(0),
  lifecycle: optional(z.enum(LIFECYCLES)),
  lease_ttl_ms: optional(count),
  host: optional(text),
  port: optional(z.int().min(1).max(65_535)),
  health_path: optional(text),
  zone: optional(text),
  app_version: optional(text),
  metadata: z.record(z.string().max(ID_BYTES_MAX), text).default({}),
  reason: optional(text),
}
const shape = z.object(fields)

/** Reads one event; never throws. */
export function readEdgeEvent(input: string | Uint8Array, context: EdgeContext = {}): EdgeResult {
  const json = parsed(input)
  return json.ok ? ofValue(json.value, context) : json
}

/** One record, read as an event, and as the change of a node where it is no event. */
export interface EdgeRecord {
  readonly event: EdgeResult
  /** null: it is no change of a node either. */
  readonly node: EdgeResult | null
}

export function readEdgeRecord(input: string | Uint8Array, context: NodeContext): EdgeRecord {
  const json = parsed(input)
  if (!json.ok) return { event: json, node: null }
  const event = ofValue(json.value, context)
  return { event, node: event.ok ? null : nodeStatusOf(json.value, context) }
}

type Parsed = { readonly ok: true; readonly value: JsonValue } | ReturnType<typeof refused>

function parsed(input: string | Uint8Array): Parsed {
  const json = readJson(input, EDGE_LIMITS)
  if (json.ok) return json
  const { path, line, column, found, fix } = json.problem
  const place = line === 0 ? '' : `line ${line}, column ${column}`
  return refused([cut(path), place].filter((part) => part !== '').join(' at '), found, fix)
}

function ofValue(value: JsonValue, context: EdgeContext): EdgeResult {
  const named = renamed(value, ALIASES)
  return named.ok ? eventOf(named.members, context) : named
}

/**
 * The change of a node (S1-27). Its version tells the later of two changes; UP registers the node
 * as an instance of the key's service, DOWN deregisters it.
 */
function nodeStatusOf(value: JsonValue, context: NodeContext): EdgeResult | null {
  if (!isNodeStatus(value)) return null
  const named = renamed(value, { ...ALIASES, ...NODE_ALIASES })
  if (!named.ok) return named
  const given = named.members
  const status = given.get('action') ?? null
  const action = NODE_ACTIONS.get(typeof status === 'string' ? status.toUpperCase() : status)
  if (action === undefined) return refused('status', shown(status), 'send UP or DOWN')
  given.set('action', action)
  const version = given.get('version') ?? 0
  if (version === 0) return refused('version', shown(version), 'send a number that grows, from 1')
  if (!given.has('service_name') && context.service !== null)
    given.set('service_name', context.service)
  if (!given.has('timestamp')) given.set('timestamp', context.appendMs)
  return eventOf(given, context)
}

function isNodeStatus(value: JsonValue): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const names = Object.keys(value).map(snakeCase)
  return Object.keys(NODE_ALIASES).every((name) => names.includes(name))
}

function eventOf(given: Map<string, JsonValue>, context: EdgeContext): EdgeResult {
  if (!given.has('cluster_id') && context.clusterId !== undefined)
    given.set('cluster_id', context.clusterId)
  const parsed = shape.safeParse(Object.fromEntries(given))
  return parsed.success
    ? { ok: true, event: { ...parsed.data, ...UNSET } }
    : problemOf(parsed.error.issues[0], given)
}

/** What an event from outside never brings. */
const UNSET = { agent: null, epoch: 0, seq: 0, path: [], vector: {}, origin: null } as const

/** One line for people. */
export function edgeProblemText(problem: EdgeProblem): string {
  const where = problem.field === '' ? 'event' : problem.field
  return `${where}: found ${problem.found}; ${problem.fix}`
}

function refused(
  field: string,
  found: string,
  fix: string,
): { readonly ok: false; readonly problem: EdgeProblem } {
  return { ok: false, problem: { field: printable(field), found: printable(found), fix } }
}

type Renamed =
  | { readonly ok: true; readonly members: Map<string, JsonValue> }
  | { readonly ok: false; readonly problem: EdgeProblem }

/** Members under their wire names. */
function renamed(value: JsonValue, aliases: Readonly<Record<string, string>>): Renamed {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return refused('', shown(value), 'send one JSON object')
  const members = new Map<string, JsonValue>()
  for (const [key, member] of Object.entries(value)) {
    const name = wireName(key, aliases)
    if (name === null) {
      const known = Object.keys(fields)
      const hint = OURS.includes(snakeCase(key))
        ? 'leave it out, healstream sets it itself'
        : (didYouMean(key, known) ?? `leave it out, or put it into metadata`)
      return refused(cut(key), 'a field that is not known here', hint)
    }
    if (members.has(name)) return refused(name, 'the field under two names', 'send it once')
    members.set(name, member)
  }
  return { ok: true, members }
}

function wireName(key: string, aliases: Readonly<Record<string, string>>): string | null {
  const snake = snakeCase(key)
  const name = Object.hasOwn(aliases, snake) ? aliases[snake] : snake
  return name !== undefined && Object.hasOwn(fields, name) ? name : null
}

/** `InstanceID`, `instanceId` and `instance_id` are one. */
export function snakeCase(key: string): string {
  return key.replaceAll(/([a-z\d])([A-Z])/g, '$1_$2').toLowerCase()
}

/** The first issue, in our words. */
function problemOf(
  issue: z.core.$ZodIssue | undefined,
  given: ReadonlyMap<string, JsonValue>,
): EdgeResult {
  const path = (issue?.path ?? []).map(String)
  const [field = ''] = path
  const where = cut(path.join('.'))
  if (!given.has(field)) return refused(where, 'nothing', `send ${field}: ${expected(field)}`)
  const member = given.get(field) ?? null
  const value = path.length > 1 ? insideOf(member, path[1] ?? '') : member
  const why = issue?.code === 'custom' ? ` (${issue.message})` : ''
  return refused(where, `${shown(value)}${why}`, `send ${expected(field)}`)
}

function insideOf(member: JsonValue, key: string): JsonValue {
  if (typeof member !== 'object' || member === null || Array.isArray(member)) return member
  return Object.entries(member).find(([name]) => name === key)?.[1] ?? null
}

const EXPECTED: Readonly<Record<string, string>> = {
  action: `one of ${ACTIONS.join(', ')}`,
  timestamp: 'epoch milliseconds, an integer of 13 digits',
  incarnation: 'an integer from 0',
  version: 'an integer from 0',
  lifecycle: `one of ${LIFECYCLES.join(', ')}`,
  lease_ttl_ms: 'milliseconds, an integer from 0',
  port: 'an integer from 1 to 65535',
  metadata: `an object of texts, each at most ${LABEL_MAX} characters`,
}

function expected(field: string): string {
  const name = field.endsWith('_id') || field === 'service_name'
  const length = name ? `1 to ${ID_BYTES_MAX} bytes` : `at most ${LABEL_MAX} characters`
  return EXPECTED[field] ?? `text of ${length}${name ? ' without control characters' : ''}`
}

/** A value for a message: quoted, escaped, short. */
function shown(value: JsonValue): string {
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object' && value !== null) return 'an object'
  return cut(JSON.stringify(value))
}

function cut(words: string): string {
  return words.length <= 60 ? words : `${words.slice(0, 60)}…`
}
