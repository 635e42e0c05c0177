// Views in Redis, where several projectors share them. Every write carries rows and positions in
// one script, so that a server that is flushed, fails over to an older copy or evicts keys is
// either right at an earlier position or known to be broken; both are mended by folding again.
import { randomUUID } from 'node:crypto'
import {
  REMOVALS_MAX,
  VIEW_LIMITS,
  VIEW_TOPICS,
  ViewError,
  viewPlace,
  type ViewCursor,
  type ViewGeneration,
  type ViewLimits,
  type ViewPage,
  type ViewPublished,
  type ViewRow,
  type ViewSlice,
  type ViewStore,
  type ViewTopic,
  type ViewWritten,
} from '../../runtime/view-port.ts'
import { Connection, type RedisOptions } from './connection.ts'
import { rowOf, rowText } from './row-json.ts'
import { BEGIN, LAYOUT, OPEN, PUBLISH, READ, WRITE } from './scripts.ts'

export interface RedisViewsOptions {
  readonly redis: RedisOptions
  /** Before every key, as before every topic. */
  readonly prefix: string
  readonly clusterId: string
  readonly limits?: ViewLimits
}

/** What a projector that died has begun goes away by itself; each write puts that off. */
const BUILD_MS = 600_000
/** Who still reads the generation before is not cut off at once. */
const OLD_MS = 60_000

export function createRedisViews(options: RedisViewsOptions): ViewStore {
  return new RedisViews(options)
}

class RedisViews implements ViewStore {
  readonly name = 'redis'
  private readonly connection: Connection
  private readonly base: string
  private readonly limits: readonly string[]
  /** What was shown when a generation of ours began. */
  private readonly instead = new Map<string, string>()

  constructor(options: RedisViewsOptions) {
    const { redis, prefix, clusterId, limits = VIEW_LIMITS } = options
    this.connection = new Connection(redis)
    // One slot of a Redis cluster for all of them.
    this.base = `${prefix}views:{${clusterId}}`
    this.limits = VIEW_TOPICS.map((topic) => String(limits[topic]))
  }

  async open(): Promise<ViewGeneration | null> {
    const id = await this.shown()
    if (id === null) return null
    const keys = [this.pointer(), ...this.keys(id)]
    const fields = await this.connection.run(OPEN, keys, [LAYOUT, id])
    return Array.isArray(fields) ? { id, next: positionsIn(fields.map(String)) } : null
  }

  async begin(): Promise<ViewGeneration> {
    const id = randomUUID()
    const [meta = ''] = this.keys(id)
    const args = [LAYOUT, String(BUILD_MS)]
    const shown = await this.connection.run(BEGIN, [this.pointer(), meta], args)
    this.instead.set(id, typeof shown === 'string' ? shown : '')
    return { id, next: new Map() }
  }

  async write(id: string, slices: readonly ViewSlice[], asOfMs: number): Promise<ViewWritten> {
    const limits = [String(BUILD_MS), String(REMOVALS_MAX), ...this.limits]
    const args = [LAYOUT, String(Math.floor(asOfMs)), ...limits, String(slices.length)]
    for (const { topic, partition, from, to, changes } of slices)
      args.push(...[VIEW_TOPICS.indexOf(topic), partition, from, to, changes.length].map(String))
    for (const { topic, partition, changes } of slices)
      for (const { id: row, offset, version, record } of changes) {
        const value = record === null ? '' : rowText(topic, { partition, version, record })
        args.push(row, String(offset), String(version), value)
      }
    const answer = await this.connection.run(WRITE, this.keys(id), args)
    if (answer === 'written' || answer === 'gap' || answer === 'gone') return answer
    throw strange()
  }

  async publish(id: string): Promise<ViewPublished> {
    const instead = this.instead.get(id)
    if (instead === undefined) return 'gone'
    this.instead.delete(id)
    const before = instead === '' ? [] : this.keys(instead)
    const keys = [this.pointer(), ...this.keys(id), ...before]
    const args = [LAYOUT, id, instead, String(OLD_MS)]
    const answer = await this.connection.run(PUBLISH, keys, args)
    if (answer === 'published' || answer === 'overtaken' || answer === 'gone') return answer
    throw strange()
  }

  async read(cursor: ViewCursor | null, limit: number): Promise<ViewPage | null> {
    const known = cursor === null ? null : await this.after(cursor, limit)
    if (known !== null && known !== 'lost') return known
    const id = await this.shown()
    if (id === null) return null
    const page = await this.after({ generation: id, revisions: [], floors: [] }, limit)
    // Replaced between the two questions, or not whole: the next one will tell.
    return page === null || page === 'lost' ? null : { ...page, reset: true }
  }

  /** null: not shown any more, or not whole; `lost`: removals were forgotten in between. */
  private async after(cursor: ViewCursor, limit: number): Promise<ViewPage | 'lost' | null> {
    const { generation } = cursor
    const since = VIEW_TOPICS.map((_, i) => cursor.revisions[i] ?? 0)
    const keys = [this.pointer(), ...this.keys(generation)]
    const args = [LAYOUT, generation, String(limit), ...since.map(String)]
    const answer = await this.connection.run(READ, keys, args)
    if (!Array.isArray(answer)) throw strange()
    if (answer[0] !== 'rows') return null
    const read = VIEW_TOPICS.map((topic, i) =>
      topicRows(topic, answer[i + 2], { since: since[i] ?? 0, limit }),
    )
    const isNew = cursor.floors.length === 0
    const floors = isNew ? read.map(({ floor }) => floor) : cursor.floors
    if (read.some(({ floor }, i) => floor > Math.max(since[i] ?? 0, floors[i] ?? 0))) return 'lost'
    return {
      reset: false,
      rows: read.flatMap(({ rows }) => rows),
      cursor: { generation, revisions: read.map(({ revision }) => revision), floors },
      more: read.some(({ more }) => more),
      asOfMs: Number(answer[1]),
    }
  }

  close(): Promise<void> {
    return this.connection.close()
  }

  private async shown(): Promise<string | null> {
    const get = "return redis.call('GET', KEYS[1])"
    const held = await this.connection.run(get, [this.pointer()], [])
    return typeof held === 'string' ? held : null
  }

  private pointer(): string {
    return `${this.base}:shown`
  }

  private keys(id: string): readonly string[] {
    const of = (topic: ViewTopic): readonly string[] =>
      ['rows', 'live', 'gone'].map((kind) => `${this.base}:${id}:${topic}:${kind}`)
    return [`${this.base}:${id}:meta`, ...VIEW_TOPICS.flatMap(of)]
  }
}

const strange = (): ViewError =>
  new ViewError('REFUSED', 'Redis answered what no script of ours says')

function positionsIn(fields: readonly string[]): ReadonlyMap<string, number> {
  const next = new Map<string, number>()
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const [kind, index, partition] = (fields[i] ?? '').split(':')
    const topic = VIEW_TOPICS[Number(index)]
    if (kind === 'p' && topic !== undefined)
      next.set(viewPlace(topic, Number(partition)), Number(fields[i + 1]))
  }
  return next
}

interface TopicRows {
  readonly rows: readonly ViewRow[]
  readonly revision: number
  readonly more: boolean
  /** Removals up to here are no longer known. */
  readonly floor: number
}

type Scored = readonly (readonly [id: string, revision: number])[]

function topicRows(
  topic: ViewTopic,
  answer: unknown,
  { since, limit }: { readonly since: number; readonly limit: number },
): TopicRows {
  if (!Array.isArray(answer)) throw strange()
  const [floor, liveTexts, values, goneTexts] = answer
  if (!Array.isArray(values)) throw strange()
  const lists = [scored(liveTexts), scored(goneTexts)] as const
  const full = lists.filter((list) => list.length === limit)
  const lasts = lists.map((list) => list.at(-1)?.[1] ?? since)
  // A list that was cut hides what comes behind it: of the other nothing later is taken either.
  const revision =
    full.length > 0
      ? Math.min(...full.map((list) => list.at(-1)?.[1] ?? since))
      : Math.max(since, ...lasts)
  const [live, gone] = lists
  const rows: ViewRow[] = []
  for (const [i, [id, at]] of live.entries()) {
    const text: unknown = values[i]
    if (typeof text !== 'string') throw new ViewError('CORRUPT', `a row of ${topic} is missing`)
    if (at <= revision) rows.push(rowOf(topic, id, text))
  }
  for (const [id, at] of gone)
    if (at <= revision) rows.push({ topic, partition: 0, id, record: null })
  return { rows, revision, more: full.length > 0, floor: Number(floor) }
}

function scored(texts: unknown): Scored {
  if (!Array.isArray(texts)) throw strange()
  const found: [string, number][] = []
  for (let i = 0; i + 1 < texts.length; i += 2) found.push([String(texts[i]), Number(texts[i + 1])])
  return found
}
