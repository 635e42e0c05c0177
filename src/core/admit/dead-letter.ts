// Refused records become dead letters with their bytes, within a budget per source; beyond it only
// a count and a range of offsets once a minute, so that one bad agent never fills a topic or stops
// a task.
import type { RecordView } from '../../contracts/record.ts'
import type { DeadLetter, Header } from '../../contracts/records.ts'
import { type TopicKind, TOPICS } from '../../contracts/topics.ts'
import { decodeUtf8 } from '../../contracts/utf8.ts'
import { taskId } from '../../contracts/ids.ts'
import { assert, present } from '../kernel/assert.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import { sortedKeys } from '../kernel/order.ts'

/** Letters with bytes per source and minute of log time. */
export const LETTERS_PER_MINUTE = 10
/** Sources told apart per minute; more share one budget. */
const SOURCES_MAX = 64
const HEADERS_MAX = 64
/**
 * Most bytes of a record that a letter keeps whole: more than a topic takes in one batch, less than
 * hs.dlq does. Only a record that came compressed can have more; the beginning of it is kept.
 */
export const CONTENTS_BYTES_MAX = 1_572_864
const KEY_BYTES_KEPT = 1_024
const VALUE_BYTES_KEPT = 65_536
const MINUTE_MS = 60_000

export interface Refusal {
  readonly topic: TopicKind
  readonly partition: number
  readonly stage: 'decode' | 'admit' | 'fold'
  /** Code. */
  readonly reason: string
  /** What was found and what to do. */
  readonly detail: string
  /** The agent, where one is known; null: the record's key stands for its source. */
  readonly agent: string | null
}

interface Budget {
  minute: number
  used: number
  /** What came beyond the budget in this minute. */
  over: Over | null
}

interface Over {
  readonly refusal: Refusal
  readonly first: number
  last: number
  count: number
  readonly timestampMs: number
}

const STAGES = { decode: true, admit: true, fold: true } as const

export class DeadLetters {
  private readonly task: string
  private readonly budgets = new Map<string, Budget>()
  private letters: DeadLetter[] = []
  /** Records refused since the beginning. */
  refused: number = 0

  constructor(task: string) {
    this.task = task
  }

  /** `nowMs`: log time of the step. */
  refuse(view: RecordView, refusal: Refusal, nowMs: number): void {
    this.refused += 1
    const budget = this.budgetOf(view, refusal, nowMs)
    if (budget.used < LETTERS_PER_MINUTE) {
      budget.used += 1
      this.letters.push(this.letter(view, refusal, nowMs))
      return
    }
    const { offset, timestampMs } = view
    if (budget.over === null) {
      budget.over = { refusal, first: offset, last: offset, count: 1, timestampMs }
      return
    }
    budget.over.last = offset
    budget.over.count += 1
  }

  /**
   * Letters to be written now: those refused since the last call, and counts of minutes that are
   * over.
   */
  take(nowMs: number): readonly DeadLetter[] {
    for (const source of sortedKeys(this.budgets)) {
      const budget = this.budgets.get(source)
      if (budget === undefined || budget.minute >= minuteOf(nowMs)) continue
      this.close(budget, nowMs)
      this.budgets.delete(source)
    }
    const taken = this.letters
    this.letters = []
    return taken
  }

  /** Log time at which a count is due, or null. */
  nextMs(): number | null {
    let next: number | null = null
    for (const { minute, over } of this.budgets.values()) {
      if (over === null) continue
      const dueMs = (minute + 1) * MINUTE_MS
      if (next === null || dueMs < next) next = dueMs
    }
    return next
  }

  /** After `take`. */
  save(to: ImageWriter): void {
    assert(this.letters.length === 0, 'an image has no unsent letters')
    to.int(this.refused).int(this.budgets.size)
    for (const [source, { minute, used, over }] of this.budgets) {
      to.text(source)
        .number(minute)
        .int(used)
        .flag(over !== null)
      if (over === null) continue
      const { topic, partition, stage, reason, detail, agent } = over.refusal
      to.text(topic).int(partition).text(stage).text(reason).text(detail).textOrNull(agent)
      to.int(over.first).int(over.last).int(over.count).number(over.timestampMs)
    }
  }

  /** Into an empty one. */
  load(from: ImageReader): void {
    this.refused = from.int()
    for (let left = from.count(); left > 0; left--) {
      const source = from.text()
      const [minute, used] = [from.number(), from.int()]
      this.budgets.set(source, { minute, used, over: from.flag() ? loadOver(from) : null })
    }
  }

  describe(): unknown {
    const budgets = sortedKeys(this.budgets).map((source) => {
      const budget = this.budgets.get(source)
      const over = budget?.over
      return [source, budget?.minute, budget?.used, over?.first, over?.last, over?.count].map(
        (value) => value ?? null,
      )
    })
    return { refused: this.refused, budgets }
  }

  private budgetOf(view: RecordView, refusal: Refusal, nowMs: number): Budget {
    const source = `${refusal.topic}\n${refusal.agent ?? keyText(view)}`
    const isKnown = this.budgets.has(source) || this.budgets.size < SOURCES_MAX
    const name = isKnown ? source : `${refusal.topic}\n\n`
    const minute = minuteOf(view.timestampMs)
    let budget = this.budgets.get(name)
    if (budget === undefined) {
      budget = { minute, used: 0, over: null }
      this.budgets.set(name, budget)
    } else if (budget.minute < minute) {
      this.close(budget, nowMs)
      budget.minute = minute
      budget.used = 0
    }
    return budget
  }

  private close(budget: Budget, nowMs: number): void {
    const { over } = budget
    if (over === null) return
    const { refusal, first, last, count, timestampMs } = over
    const what = `${count} more records between these offsets were refused; first reason`
    this.letters.push({
      ...this.origin(refusal, nowMs),
      detail: `${what}: ${refusal.detail}`,
      origin_offset: first,
      origin_last_offset: last,
      count,
      timestamp_ms: timestampMs,
      key: null,
      value: null,
      headers: [],
    })
    budget.over = null
  }

  private letter(view: RecordView, refusal: Refusal, nowMs: number): DeadLetter {
    const letter = {
      ...this.origin(refusal, nowMs),
      origin_offset: view.offset,
      origin_last_offset: view.offset,
      count: 1,
      timestamp_ms: view.timestampMs,
      key: bytesOf(view.buffer, view.keyStart, view.keyEnd),
      value: bytesOf(view.buffer, view.valueStart, view.valueEnd),
      headers: headersOf(view),
    }
    const bytes = contentsOf(letter)
    return bytes <= CONTENTS_BYTES_MAX ? letter : beginningOf(letter, bytes)
  }

  private origin(
    refusal: Refusal,
    nowMs: number,
  ): Pick<
    DeadLetter,
    'origin_topic' | 'origin_partition' | 'stage' | 'reason' | 'detail' | 'task' | 'at_ms'
  > {
    return {
      origin_topic: refusal.topic,
      origin_partition: refusal.partition,
      stage: refusal.stage,
      reason: refusal.reason,
      detail: refusal.detail,
      task: taskId(this.task),
      at_ms: nowMs,
    }
  }
}

function loadOver(from: ImageReader): Over {
  const refusal = {
    topic: loadTopic(from),
    partition: from.int(),
    stage: from.oneOf(STAGES),
    reason: from.text(),
    detail: from.text(),
    agent: from.textOrNull(),
  }
  const [first, last, count] = [from.int(), from.int(), from.int()]
  return { refusal, first, last, count, timestampMs: from.number() }
}

function loadTopic(from: ImageReader): TopicKind {
  const text = from.text()
  return present(TOPICS.find(({ kind }) => kind === text)?.kind, `topic ${text}`)
}

function contentsOf({ key, value, headers }: DeadLetter): number {
  const bytes = (key?.length ?? 0) + (value?.length ?? 0)
  // A character of a name takes up to three bytes, also where one byte was no text.
  return headers.reduce((sum, each) => sum + 3 * each.key.length + (each.value?.length ?? 0), bytes)
}

function beginningOf(letter: DeadLetter, bytes: number): DeadLetter {
  const key = letter.key?.slice(0, KEY_BYTES_KEPT) ?? null
  const value = letter.value?.slice(0, VALUE_BYTES_KEPT) ?? null
  const detail = `${letter.detail}; of its ${bytes} bytes only the first are kept here`
  return { ...letter, key, value, headers: [], detail }
}

function minuteOf(ms: number): number {
  return Math.floor(ms / MINUTE_MS)
}

/** A key as the name of a source; long ones share their beginning. */
function keyText(view: RecordView): string {
  if (view.keyStart < 0) return ''
  return decodeUtf8(view.buffer, view.keyStart, Math.min(view.keyEnd, view.keyStart + 255))
}

function bytesOf(buffer: Uint8Array, start: number, end: number): Uint8Array | null {
  return start < 0 ? null : buffer.slice(start, end)
}

/** The first headers of a record (Kafka's record format v2: zigzag lengths, name, value). */
function headersOf(view: RecordView): readonly Header[] {
  const { buffer } = view
  const headers: Header[] = []
  let at = view.headersStart
  const length = (): number => {
    let bits = 0
    for (let shift = 0; shift < 32; shift += 7) {
      const byte = buffer[at++] ?? 0
      bits |= (byte & 0x7f) << shift
      if (byte < 0x80) break
    }
    return (bits >>> 1) ^ -(bits & 1)
  }
  for (let i = 0; i < Math.min(view.headerCount, HEADERS_MAX); i++) {
    const nameLength = length()
    if (nameLength < 0 || at + nameLength > buffer.length) break
    const key = decodeUtf8(buffer, at, at + nameLength)
    at += nameLength
    const valueLength = length()
    if (at + valueLength > buffer.length) break
    headers.push({ key, value: valueLength < 0 ? null : buffer.slice(at, at + valueLength) })
    at += Math.max(valueLength, 0)
  }
  return headers
}
