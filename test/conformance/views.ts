// What every store of views must do, whatever is behind it. Each case gets a fresh store of small
// limits and, where rows are shared, a second one on the same rows.
import fc from 'fast-check'
import { expect } from 'vitest'
import {
  VIEW_LIMITS,
  type ViewChange,
  type ViewCursor,
  type ViewLimits,
  type ViewRow,
  type ViewSlice,
  type ViewStore,
  type ViewTopic,
} from '../../src/runtime/view-port.ts'
import { aHealth, anEvent, aPolicy } from '../roles/projector/records.ts'

export const CASE_LIMITS: ViewLimits = { ...VIEW_LIMITS, incidents: 3, registry: 2 }

export const health = (id: string, offset: number, version: number, gone = false): ViewChange => ({
  id,
  offset,
  version,
  record: gone ? null : aHealth({ version, reason: `${id} v${version} @${offset}` }),
})

export function slice(
  partition: number,
  from: number,
  changes: readonly ViewChange[],
  topic: ViewTopic = 'health',
): ViewSlice {
  const to = Math.max(from, ...changes.map((change) => change.offset + 1))
  return { topic, partition, from, to, changes }
}

/** A reader that keeps what it has read. */
export class Reader {
  readonly rows = new Map<string, ViewRow>()
  resets = 0
  asOfMs = 0
  private readonly store: ViewStore
  private cursor: ViewCursor | null = null

  constructor(store: ViewStore) {
    this.store = store
  }

  /** False: nothing is shown. */
  async follow(limit = 2): Promise<boolean> {
    for (let pages = 0; pages < 1_000; pages++) {
      const page = await this.store.read(this.cursor, limit)
      if (page === null) return false
      if (page.reset) this.resets++
      if (page.reset) this.rows.clear()
      for (const row of page.rows)
        if (row.record === null) this.rows.delete(`${row.topic} ${row.id}`)
        else this.rows.set(`${row.topic} ${row.id}`, row)
      this.cursor = page.cursor
      this.asOfMs = page.asOfMs
      if (!page.more) return true
    }
    throw new Error('reading the rows does not come to an end')
  }

  reasons(): readonly string[] {
    return [...this.rows.values()]
      .map(({ record }) => (record !== null && 'reason' in record ? record.reason : ''))
      .sort((a, b) => (a < b ? -1 : 1))
  }
}

async function shown(store: ViewStore): Promise<string> {
  const { id } = await store.begin()
  expect(await store.publish(id)).toBe('published')
  return id
}

export type ViewCase = (store: ViewStore) => Promise<void>

export const VIEW_CASES: Readonly<Record<string, ViewCase>> = {
  'an empty store shows nothing': async (store) => {
    expect(await store.open()).toBeNull()
    expect(await store.read(null, 10)).toBeNull()
  },

  'a generation is not shown before it is published, then whole, with its positions': async (
    store,
  ) => {
    const { id } = await store.begin()
    expect(await store.write(id, [slice(1, 7, [health('a', 7, 1)])], 5_000)).toBe('written')
    expect(await store.open()).toBeNull()
    expect(await store.publish(id)).toBe('published')
    expect(await store.open()).toEqual({ id, next: new Map([['health-1', 8]]) })
    const reader = new Reader(store)
    expect(await reader.follow()).toBe(true)
    expect(reader.reasons()).toEqual(['a v1 @7'])
    expect(reader.asOfMs).toBe(5_000)
  },

  'a lower version never overwrites; an equal one that came later does': async (store) => {
    const id = await shown(store)
    const changes = [health('a', 0, 3), health('a', 1, 2), health('a', 2, 3)]
    await store.write(id, [slice(0, 0, changes)], 0)
    const reader = new Reader(store)
    await reader.follow()
    expect(reader.reasons()).toEqual(['a v3 @2'])
  },

  'what was folded before is passed over, a gap is refused and nothing of it is there': async (
    store,
  ) => {
    const id = await shown(store)
    await store.write(id, [slice(0, 0, [health('a', 0, 1), health('a', 1, 9, true)])], 0)
    // Told again from the start, as somebody slower does: what was removed stays removed.
    await store.write(id, [slice(0, 0, [health('a', 0, 1)])], 0)
    const late = slice(0, 5, [health('b', 5, 1)])
    expect(await store.write(id, [slice(1, 0, [health('c', 0, 1)]), late], 0)).toBe('gap')
    const reader = new Reader(store)
    await reader.follow()
    expect(reader.reasons()).toEqual([])
    expect((await store.open())?.next).toEqual(new Map([['health-0', 2]]))
  },

  // The second of two slices of a partition once looked like a gap behind the first.
  'slices of one partition follow each other in one write': async (store) => {
    const id = await shown(store)
    const [first, second] = [slice(0, 4, [health('a', 4, 1)]), slice(0, 5, [health('a', 5, 2)])]
    expect(await store.write(id, [first, second, slice(1, 0, [])], 0)).toBe('written')
    expect(await store.write(id, [slice(0, 6, []), slice(0, 8, [])], 0)).toBe('gap')
    const reader = new Reader(store)
    await reader.follow()
    expect(reader.reasons()).toEqual(['a v2 @5'])
  },

  'a reader is told of changes and removals once, in their order': async (store) => {
    const id = await shown(store)
    const reader = new Reader(store)
    const events = [1, 2, 3].map((seq) => ({
      id: `0-${seq}`,
      offset: seq,
      version: seq,
      record: anEvent({ seq }),
    }))
    await store.write(id, [slice(0, 0, [health('a', 0, 1), health('b', 1, 1)])], 0)
    await store.write(id, [slice(0, 1, events, 'incidents')], 0)
    await reader.follow()
    await store.write(id, [slice(0, 2, [health('a', 2, 2), health('b', 3, 1, true)])], 0)
    await reader.follow()
    expect(reader.resets).toBe(1)
    expect([...reader.rows.keys()].sort()).toEqual([
      'health a',
      'incidents 0-1',
      'incidents 0-2',
      'incidents 0-3',
    ])
    expect(reader.rows.get('incidents 0-2')?.record).toEqual(anEvent({ seq: 2 }))
    const policy = { id: 'p', offset: 0, version: 1, record: aPolicy() }
    await store.write(id, [slice(2, 0, [policy], 'policies')], 0)
    await reader.follow()
    expect(reader.rows.get('policies p')).toMatchObject({
      topic: 'policies',
      partition: 2,
      id: 'p',
      record: aPolicy(),
    })
  },

  'rows above the limit go, those unchanged for longest first': async (store) => {
    const id = await shown(store)
    const events = [0, 1, 2, 3, 4].map((seq) => ({
      id: `0-${seq}`,
      offset: seq,
      version: seq,
      record: anEvent({ seq }),
    }))
    await store.write(id, [slice(0, 0, events, 'incidents')], 0)
    const reader = new Reader(store)
    await reader.follow()
    expect([...reader.rows.keys()].sort()).toEqual(
      ['0-2', '0-3', '0-4'].map((i) => `incidents ${i}`),
    )
  },

  'of two that build at once the first is shown, and the other is dropped': async (store) => {
    const [one, other] = [await store.begin(), await store.begin()]
    await store.write(one.id, [slice(0, 0, [health('a', 0, 1)])], 0)
    await store.write(other.id, [slice(0, 0, [health('b', 0, 1)])], 0)
    expect(await store.publish(other.id)).toBe('published')
    expect(await store.publish(one.id)).toBe('overtaken')
    expect(await store.write(one.id, [slice(0, 1, [health('a', 1, 2)])], 0)).toBe('gone')
    const reader = new Reader(store)
    await reader.follow()
    expect(reader.reasons()).toEqual(['b v1 @0'])
  },

  'a swap: readers see the old generation whole until the new one is': async (store) => {
    const id = await shown(store)
    await store.write(id, [slice(0, 0, [health('a', 0, 1), health('old', 1, 1)])], 0)
    const reader = new Reader(store)
    await reader.follow()
    const { id: next } = await store.begin()
    await store.write(next, [slice(0, 0, [health('a', 0, 2)])], 0)
    await reader.follow()
    expect(reader.reasons()).toEqual(['a v1 @0', 'old v1 @1'])
    await store.publish(next)
    await reader.follow()
    expect(reader.reasons()).toEqual(['a v2 @0'])
    expect(reader.resets).toBe(2)
  },

  'a reader that missed removals too old to be kept begins anew, and ends': async (store) => {
    const id = await shown(store)
    const many = Array.from({ length: 10_050 }, (_, i) => `i${i}`)
    await store.write(id, [slice(0, 0, [health('stays', 0, 1), health('goes', 1, 1)])], 0)
    const reader = new Reader(store)
    await reader.follow()
    await store.write(id, [slice(0, 2, [health('goes', 2, 2, true)])], 0)
    for (let at = 0; at < many.length; at += 1_005) {
      const names = many.slice(at, at + 1_005)
      const changes = names.flatMap((name, i) => [
        health(name, 3 + 2 * (at + i), 1),
        health(name, 4 + 2 * (at + i), 2, true),
      ])
      await store.write(id, [slice(0, 3 + 2 * at, changes)], 0)
    }
    await reader.follow(500)
    expect(reader.reasons()).toEqual(['stays v1 @0'])
    expect(reader.resets).toBe(2)
  },

  'whatever is written twice, late or in other pieces, the rows are those of the log': async (
    store,
  ) => {
    const record = fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat(3), fc.boolean())
    const pieces = fc.array(fc.tuple(fc.nat(12), fc.nat(12)), { maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(fc.array(record, { maxLength: 12 }), pieces, async (log, cuts) => {
        const changes = log.map(([id, version, gone], i) => health(id, i, version, gone))
        const { id } = await store.begin()
        for (const [a, b] of [...cuts, [0, 12], ...cuts] as const) {
          const from = Math.min(a, b)
          const part = changes.slice(from, Math.max(a, b))
          if (part.length > 0) await store.write(id, [slice(0, from, part)], 0)
        }
        expect(await store.publish(id)).toBe('published')
        const reader = new Reader(store)
        await reader.follow()
        // The oracle: one pass over the log in order. A first cut may begin the generation there.
        const start = firstOf(cuts, changes.length)
        const rows = new Map<string, ViewChange>()
        for (const change of changes.slice(start))
          if (change.record === null) rows.delete(change.id)
          else if (change.version >= (rows.get(change.id)?.version ?? 0))
            rows.set(change.id, change)
        const wanted = [...rows.values()].map(({ record: held }) =>
          held !== null && 'reason' in held ? held.reason : '',
        )
        expect(reader.reasons()).toEqual(wanted.sort((a, b) => (a < b ? -1 : 1)))
      }),
      { numRuns: 30 },
    )
  },
}

function firstOf(cuts: readonly (readonly [number, number])[], length: number): number {
  const first = cuts.find(([a, b]) => Math.min(a, b) < Math.min(Math.max(a, b), length))
  return first === undefined ? 0 : Math.min(...first)
}
