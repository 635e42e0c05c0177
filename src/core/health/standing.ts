// Which of the sensed deviations stand, since when, and with which verdict. A detector that stays
// calm costs a look at an empty map.
import type { Finding } from '../kernel/facts.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import type { Verdict } from '../signal/verdict.ts'
import { loadPlace, savePlace } from './place.ts'
import { isSensed, type SensedName } from './sensed.ts'

/** What a deviation shows of its verdict. */
export interface Stand {
  value: number
  limit: number
  /** Event time of the onset, and when it was last confirmed. */
  readonly sinceMs: number
  seenMs: number
  /** The record that began it; null: time, or a comparison, did. */
  readonly place: Finding['place']
}

/** Knows its verdict when it is asked. */
export interface Judging {
  verdict(): Pick<Verdict, 'value' | 'limit'>
}

export class Standing {
  /** Something began or ended since it was last taken. */
  moved: boolean = false
  /** The record that is folded now; null: none is. */
  from: Finding['place'] = null
  private stands: Map<SensedName, Stand> | null = null

  get size(): number {
    return this.stands?.size ?? 0
  }

  get(name: SensedName): Stand | undefined {
    return this.stands?.get(name)
  }

  /** Nothing is made while nothing deviates. */
  set(name: SensedName, deviates: boolean, by: Judging, atMs: number): void {
    if (!deviates) this.end(name)
    else {
      const { value, limit } = by.verdict()
      this.begin(name, { value, limit }, atMs)
    }
  }

  keep(
    name: SensedName,
    verdict: Pick<Verdict, 'deviates' | 'value' | 'limit'>,
    atMs: number,
  ): void {
    if (verdict.deviates) this.begin(name, verdict, atMs)
    else this.end(name)
  }

  end(name: SensedName): void {
    if (this.stands !== null && this.stands.delete(name)) this.moved = true
  }

  /** As `keep`, of what a judgement finds: how often it is judged changes nothing of it. */
  hold(
    name: SensedName,
    verdict: Pick<Verdict, 'deviates' | 'value' | 'limit'>,
    atMs: number,
  ): void {
    const held = this.stands?.get(name)
    if (!verdict.deviates) this.end(name)
    else if (held === undefined) this.begin(name, verdict, atMs)
  }

  save(to: ImageWriter): void {
    to.flag(this.moved).int(this.size)
    for (const [name, { value, limit, sinceMs, seenMs, place }] of this.stands ?? []) {
      to.text(name).number(value).number(limit).number(sinceMs).number(seenMs)
      savePlace(place, to)
    }
  }

  load(from: ImageReader): void {
    this.moved = from.flag()
    for (let left = from.count(); left > 0; left--) {
      const name = from.text()
      const [value, limit] = [from.number(), from.number()]
      const [sinceMs, seenMs] = [from.number(), from.number()]
      const stand = { value, limit, sinceMs, seenMs, place: loadPlace(from) }
      if (isSensed(name)) this.made().set(name, stand)
    }
  }

  private begin(
    name: SensedName,
    { value, limit }: Pick<Verdict, 'value' | 'limit'>,
    atMs: number,
  ): void {
    const held = this.stands?.get(name)
    if (held === undefined) {
      // Copied: that of a delta is filled anew for the next one.
      const place = this.from === null ? null : { ...this.from }
      this.made().set(name, { value, limit, sinceMs: atMs, seenMs: atMs, place })
      this.moved = true
      return
    }
    held.value = value
    held.limit = limit
    held.seenMs = Math.max(held.seenMs, atMs)
  }

  private made(): Map<SensedName, Stand> {
    this.stands ??= new Map()
    return this.stands
  }
}
