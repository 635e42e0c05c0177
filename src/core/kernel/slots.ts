// What every delta and every judgement of an instance looks at, side by side in tables: a row of
// numbers for each slot instead of fields of objects that lie all over the heap. Rows lie in the
// order in which instances came, which is about that in which their deltas come, so that a pass
// over them goes straight through memory. Each column belongs to the stage that is named with it.
import { assert } from './assert.ts'
import { grownDoubles, grownInts } from './grow.ts'

/** Doubles of a row. Registry: log time of the last event or sign of life. */
export const SEEN_MS = 0
/** Health: log time of the last record by its own agent. */
export const HEARD_MS = 1
/** Health: event time of the newest own delta with requests. */
export const COUNTED_MS = 2
/** Health: event time of the newest own sign that it answers. */
export const ANSWERED_MS = 3
/** Health: offset of the last own delta, -1: there is none. */
export const DELTA_OFFSET = 4
/** Judgement: log time at which it is judged even if nothing happens. */
export const NEXT_MS = 5
/** Judgement: where the queue has it. */
export const QUEUED_MS = 6
/** Judgement: the silence that is a sign, as of the last full judgement. */
export const SILENCE_MS = 7
/** Doubles from one row to the next. */
export const DOUBLES = 8

/** Words of a row. Registry: counts what a sighting depends on; never goes back. */
export const LIFE = 0
/** Judgement: bits, see tasks/subject.ts. */
export const MARKS = 1
/** Windows: the row of the instance, and its generation when it was asked for. */
export const ROW = 2
export const GENERATION = 3
/** Health: the agent that counts for it, and its generation; -1: not known. */
export const SOURCE = 4
export const SOURCE_GENERATION = 5
/** Judgement: second of log time from which on what is sensed is judged again; 0: never. */
export const SENSE_SEC = 6
/** Words from one row to the next. */
export const WORDS = 8

const SLOTS_FIRST = 64

export class Slots {
  doubles: Float64Array<ArrayBuffer> = new Float64Array(DOUBLES * SLOTS_FIRST)
  words: Int32Array<ArrayBuffer> = new Int32Array(WORDS * SLOTS_FIRST)
  private readonly free: number[] = []
  /** Slot 0 is nobody's: that of whoever has left. */
  private count = 1

  /** A slot nobody has, all of its row 0 but LIFE, which is another than ever before. */
  take(): number {
    const slot = this.free.pop() ?? this.count++
    if (DOUBLES * slot >= this.doubles.length) this.grow()
    const life = this.words[WORDS * slot + LIFE] ?? 0
    this.doubles.fill(0, DOUBLES * slot, DOUBLES * (slot + 1))
    this.words.fill(0, WORDS * slot, WORDS * (slot + 1))
    this.words[WORDS * slot + LIFE] = life + 1
    return slot
  }

  /** The slot is nobody's any more; what was its row stands until it is taken again. */
  give(slot: number): void {
    assert(slot > 0 && slot < this.count, 'a slot that was taken')
    this.turn(slot)
    this.free.push(slot)
  }

  /** What was found out for the slot holds no more. */
  turn(slot: number): void {
    const at = WORDS * slot + LIFE
    this.words[at] = (this.words[at] ?? 0) + 1
  }

  /**
   * A double of a row. Whoever does it for every delta reads and writes `doubles` itself: handed
   * over, a double is boxed.
   */
  double(slot: number, column: number): number {
    return this.doubles[DOUBLES * slot + column] ?? 0
  }

  setDouble(slot: number, column: number, value: number): void {
    this.doubles[DOUBLES * slot + column] = value
  }

  word(slot: number, column: number): number {
    return this.words[WORDS * slot + column] ?? 0
  }

  setWord(slot: number, column: number, value: number): void {
    this.words[WORDS * slot + column] = value
  }

  /** Sets or clears a bit of MARKS. */
  setMark(slot: number, mark: number, is: boolean): void {
    const at = WORDS * slot + MARKS
    const marks = this.words[at] ?? 0
    this.words[at] = is ? marks | mark : marks & ~mark
  }

  private grow(): void {
    this.doubles = grownDoubles(this.doubles, 2 * this.doubles.length)
    this.words = grownInts(this.words, 2 * this.words.length)
  }
}
