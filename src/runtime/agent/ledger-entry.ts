// Lines of the agent's ledger and the state they fold into. One line = CRC-32 in hex, a blank,
// JSON, newline. The ledger is what keeps a command from being done twice: an entry counts only
// once it is on the disk.
import { crc32 } from 'node:zlib'
import type { CommandResult, ResultOutcome } from '../../contracts/records.ts'
import { type Fields, integer, nullableText, object, text } from './json-fields.ts'

export const LEDGER_FORMAT = 1

/**
 * What a result says, without the agent's own numbering (a result sent again gets a new number).
 */
export type ResultBody = Omit<CommandResult, 'agent' | 'epoch' | 'lane' | 'seq'>

export type LedgerEntry =
  | {
      readonly t: 'header'
      readonly format: number
      readonly cluster: string
      readonly agent: string
      readonly epoch: number
    }
  /** Sequence numbers up to this one may have been used. */
  | { readonly t: 'seq'; readonly upto: number }
  /** Next offset to be read from a partition of the commands. */
  | { readonly t: 'position'; readonly partition: number; readonly offset: number }
  /**
   * The newest life of an instance: its incarnation, and the process (start in ticks since boot)
   * while it runs.
   */
  | {
      readonly t: 'instance'
      readonly service: string
      readonly instance: string
      readonly incarnation: number
      readonly pid: number | null
      readonly start: string | null
    }
  /** Highest gen and seq of a task, kept when its commands are forgotten. */
  | { readonly t: 'seen'; readonly task: string; readonly gen: number; readonly seq: number }
  /** Written before the act: from here on the command may have had its effect. */
  | {
      readonly t: 'started'
      readonly id: string
      readonly task: string
      readonly gen: number
      readonly seq: number
      readonly draft: ResultBody
    }
  | { readonly t: 'done'; readonly id: string; readonly result: ResultBody }
  /** The log has taken the result. */
  | { readonly t: 'reported'; readonly id: string }

/** A command the agent has begun. `result` null: begun and not ended. */
export interface CommandEntry {
  readonly task: string
  readonly gen: number
  readonly seq: number
  readonly draft: ResultBody
  readonly result: ResultBody | null
  readonly reported: boolean
}

export interface InstanceEntry {
  readonly incarnation: number
  readonly pid: number | null
  readonly start: string | null
}

export interface LedgerState {
  cluster: string
  agent: string
  epoch: number
  seqUpto: number
  readonly seen: Map<string, { readonly gen: number; readonly seq: number }>
  readonly positions: Map<number, number>
  readonly instances: Map<
    string,
    InstanceEntry & { readonly service: string; readonly instance: string }
  >
  /** In the order in which they were begun. */
  readonly commands: Map<string, CommandEntry>
}

/**
 * Ended and reported commands that are kept; older ones are refused by their sequence number alone.
 */
export const COMMANDS_KEPT = 256

export function emptyState(cluster: string, agent: string, epoch: number): LedgerState {
  return {
    cluster,
    agent,
    epoch,
    seqUpto: 0,
    seen: new Map(),
    positions: new Map(),
    instances: new Map(),
    commands: new Map(),
  }
}

export const instanceKey = (service: string, instance: string): string =>
  JSON.stringify([service, instance])

/** Folds one entry in. Errors: RangeError for an entry that cannot follow the ones before. */
export function applyEntry(state: LedgerState, entry: LedgerEntry): void {
  switch (entry.t) {
    case 'header':
      throw new RangeError('a second header')
    case 'seq':
      state.seqUpto = Math.max(state.seqUpto, entry.upto)
      return
    case 'position':
      state.positions.set(entry.partition, entry.offset)
      return
    case 'instance':
      state.instances.set(instanceKey(entry.service, entry.instance), entry)
      return
    case 'seen':
      applySeen(state, entry)
      return
    case 'started':
      applyStarted(state, entry)
      return
    case 'done':
    case 'reported':
      applyEnd(state, entry)
      return
  }
}

function applyStarted(state: LedgerState, entry: LedgerEntry & { t: 'started' }): void {
  if (state.commands.has(entry.id)) throw new RangeError(`command ${entry.id} is begun twice`)
  const { task, gen, seq, draft } = entry
  state.commands.set(entry.id, { task, gen, seq, draft, result: null, reported: false })
  applySeen(state, entry)
}

function applySeen(
  state: LedgerState,
  { task, gen, seq }: { readonly task: string; readonly gen: number; readonly seq: number },
): void {
  const seen = state.seen.get(task) ?? { gen: 0, seq: 0 }
  state.seen.set(task, { gen: Math.max(gen, seen.gen), seq: Math.max(seq, seen.seq) })
}

function applyEnd(state: LedgerState, entry: LedgerEntry & { t: 'done' | 'reported' }): void {
  const command = state.commands.get(entry.id)
  if (command === undefined) return
  const next =
    entry.t === 'done' ? { ...command, result: entry.result } : { ...command, reported: true }
  state.commands.set(entry.id, next)
  let closed = 0
  for (const { result, reported } of state.commands.values())
    if (result !== null && reported) closed++
  for (const [id, { result, reported }] of state.commands) {
    if (closed <= COMMANDS_KEPT) return
    if (result === null || !reported) continue
    state.commands.delete(id)
    closed--
  }
}

/** The shortest list of entries that folds into `state` again. */
export function entriesOf(state: LedgerState): readonly LedgerEntry[] {
  const { cluster, agent, epoch, seqUpto: upto } = state
  const entries: LedgerEntry[] = [
    { t: 'header', format: LEDGER_FORMAT, cluster, agent, epoch },
    { t: 'seq', upto },
  ]
  for (const [task, { gen, seq }] of state.seen) entries.push({ t: 'seen', task, gen, seq })
  for (const [partition, offset] of state.positions)
    entries.push({ t: 'position', partition, offset })
  for (const { service, instance, incarnation, pid, start } of state.instances.values())
    entries.push({ t: 'instance', service, instance, incarnation, pid, start })
  for (const [id, command] of state.commands) {
    const { task, gen, seq, draft, result, reported } = command
    entries.push({ t: 'started', id, task, gen, seq, draft })
    if (result !== null) entries.push({ t: 'done', id, result })
    if (reported) entries.push({ t: 'reported', id })
  }
  return entries
}

export function encodeLine(entry: LedgerEntry): Buffer {
  const json = JSON.stringify(entry)
  return Buffer.from(`${crc32(json).toString(16).padStart(8, '0')} ${json}\n`)
}

/** Errors: RangeError saying what is wrong with the line (without its newline). */
export function decodeLine(line: Buffer): LedgerEntry {
  const json = line.subarray(9)
  const crc = crc32(json).toString(16).padStart(8, '0')
  if (line.length < 10 || line.toString('latin1', 0, 9) !== `${crc} `)
    throw new RangeError('its checksum does not match')
  return readEntry(object(JSON.parse(json.toString('utf8'))))
}

function readEntry(o: Fields): LedgerEntry {
  const kind = text(o, 't')
  switch (kind) {
    case 'header':
      return {
        t: 'header',
        format: integer(o, 'format'),
        cluster: text(o, 'cluster'),
        agent: text(o, 'agent'),
        epoch: integer(o, 'epoch'),
      }
    case 'seq':
      return { t: 'seq', upto: integer(o, 'upto') }
    case 'position':
      return { t: 'position', partition: integer(o, 'partition'), offset: integer(o, 'offset') }
    case 'instance':
      return {
        t: 'instance',
        service: text(o, 'service'),
        instance: text(o, 'instance'),
        incarnation: integer(o, 'incarnation'),
        pid: o['pid'] === null ? null : integer(o, 'pid'),
        start: nullableText(o, 'start'),
      }
    case 'seen':
      return { t: 'seen', task: text(o, 'task'), gen: integer(o, 'gen'), seq: integer(o, 'seq') }
    case 'started':
      return {
        t: 'started',
        id: text(o, 'id'),
        task: text(o, 'task'),
        gen: integer(o, 'gen'),
        seq: integer(o, 'seq'),
        draft: readResult(object(o['draft'])),
      }
    case 'done':
      return { t: 'done', id: text(o, 'id'), result: readResult(object(o['result'])) }
    case 'reported':
      return { t: 'reported', id: text(o, 'id') }
    default:
      throw new RangeError('it is of a kind this version does not know')
  }
}

const OUTCOMES: readonly ResultOutcome[] = [
  'unknown',
  'started',
  'succeeded',
  'failed',
  'refused',
  'timed_out',
  'doubtful',
]

function readResult(o: Fields): ResultBody {
  const outcome = OUTCOMES.find((name) => name === o['outcome'])
  if (outcome === undefined) throw new RangeError('its result has no known outcome')
  const facts: Record<string, string> = {}
  const found = object(o['facts'])
  for (const key of Object.keys(found)) facts[key] = text(found, key)
  const incident = nullableText(o, 'incident_id')
  return {
    // Ids were checked when the command was accepted, and the checksum says that they are still the
    // same.
    service: text(o, 'service') as ResultBody['service'],
    instance: text(o, 'instance') as ResultBody['instance'],
    command_id: text(o, 'command_id') as ResultBody['command_id'],
    incident_id: incident as ResultBody['incident_id'],
    action: text(o, 'action'),
    outcome,
    refusal: nullableText(o, 'refusal'),
    detail: text(o, 'detail'),
    gen: integer(o, 'gen'),
    command_seq: integer(o, 'command_seq'),
    started_at_ms: integer(o, 'started_at_ms'),
    ended_at_ms: integer(o, 'ended_at_ms'),
    incarnation_before: integer(o, 'incarnation_before'),
    incarnation_after: integer(o, 'incarnation_after'),
    facts,
  }
}
