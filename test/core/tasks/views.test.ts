// Views: what is told, when, and how often.
import { describe, expect, test } from 'vitest'
import { instanceId, serviceId } from '../../../src/contracts/ids.ts'
import { ImageReader } from '../../../src/core/kernel/image.ts'
import { saved } from '../../support/image.ts'
import type { Telling } from '../../../src/core/tasks/telling.ts'
import { routing, Views } from '../../../src/core/tasks/views.ts'

const telling: Telling = {
  service: serviceId('shop'),
  instance: instanceId('shop-1'),
  incarnation: 1,
  health: 'healthy',
  sinceMs: 0,
  reason: 'no deviation',
  routable: true,
  weightPercent: 100,
  guard: null,
  window: { spanMs: 60_000, n: 1, errors: 0, successRate: 1, p99Us: 9, maxUs: 9 },
  others: null,
  signals: [],
  incidentId: null,
  climbing: null,
  score: null,
}
const nobody = (): never => {
  throw new Error('nobody waits to be asked anew')
}
const more = (n: number): Telling => ({ ...telling, window: { ...telling.window, n } })

function numbers(views: Views, nowMs: number): unknown[] {
  return views
    .take(nowMs, nobody)
    .map(({ body }) => body !== null && 'windows' in body && body.windows[0]?.n)
}

describe('telling', () => {
  test('the first time at once, the same again never', () => {
    const views = new Views()
    views.tell(telling, 0)
    views.tell(telling, 5_000)
    expect(views.take(5_000, nobody)).toMatchObject([
      { topic: 'health', key: 'shop/shop-1', body: { version: 1, at_ms: 0, weight_percent: 100 } },
    ])
  })

  test('figures wait for their second; what is newest then is told', () => {
    const views = new Views()
    views.tell(telling, 0)
    views.take(0, nobody)
    views.tell(more(2), 400)
    views.tell(more(3), 800)
    expect(views.nextMs()).toBe(1_000)
    expect(numbers(views, 999)).toEqual([])
    expect(numbers(views, 1_000)).toEqual([3])
    expect(views.nextMs()).toBeNull()
  })

  test('figures that came back to what was told are not told', () => {
    const views = new Views()
    views.tell(telling, 0)
    views.take(0, nobody)
    views.tell(more(2), 400)
    views.tell(telling, 600)
    expect(numbers(views, 2_000)).toEqual([])
  })

  test('a change of state does not wait, and takes the figures along', () => {
    const views = new Views()
    views.tell(telling, 0)
    views.tell(more(2), 100)
    views.tell({ ...more(2), signals: ['silence'] }, 200)
    expect(numbers(views, 200)).toEqual([1, 2])
    expect(views.nextMs()).toBeNull()
  })

  test('an end is told only of what had been told', () => {
    const views = new Views()
    views.tell(telling, 0)
    views.take(0, nobody)
    views.end(telling.service, telling.instance)
    views.end(telling.service, telling.instance)
    views.end(telling.service, null)
    expect(views.take(0, nobody)).toEqual([{ topic: 'health', key: 'shop/shop-1', body: null }])
    expect(saved((to) => views.save(to))).toEqual(saved((to) => new Views().save(to)))
  })
})

test('a service keeps the time since when its health holds', () => {
  const views = new Views()
  expect(views.serviceSince(telling.service, 'healthy', 1)).toBe(1)
  expect(views.serviceSince(telling.service, 'healthy', 2)).toBe(1)
  expect(views.serviceSince(telling.service, 'unstable', 3)).toBe(3)
})

describe('routing (S0-23)', () => {
  const by = (health: Telling['health'], routable: boolean | null, ready = true): unknown[] =>
    Object.values(routing(health, ready, { routable }))

  test('follows health where the guards have no opinion', () => {
    expect(by('healthy', null)).toEqual([true, 100])
    expect(by('unstable', null)).toEqual([true, 30])
    expect(by('unknown', null)).toEqual([true, 30])
    expect(by('unhealthy', null)).toEqual([false, 0])
  })

  test('guards win in both directions, but nobody routes to one that is leaving', () => {
    expect(by('healthy', false)).toEqual([false, 0])
    expect(by('unhealthy', true)).toEqual([true, 30])
    expect(by('healthy', true, false)).toEqual([false, 0])
  })

  test('all three windows, where they are to be told: any of them is something new', () => {
    const views = new Views()
    const figures = (spanMs: number, n: number): Telling['window'] => {
      return { ...telling.window, spanMs, n }
    }
    const told = (short: number, long: number): Telling => {
      return { ...telling, others: { short: figures(10_000, short), long: figures(300_000, long) } }
    }
    const spans = (nowMs: number): unknown =>
      views.take(nowMs, nobody).map(({ body }) => {
        return body !== null && 'windows' in body && body.windows.map((w) => [w.span_ms, w.n])
      })
    views.tell(told(1, 5), 0)
    expect(spans(0)).toEqual([
      [
        [10_000, 1],
        [60_000, 1],
        [300_000, 5],
      ],
    ])
    views.tell(told(0, 5), 1_000)
    expect(spans(1_000)).toEqual([
      [
        [10_000, 0],
        [60_000, 1],
        [300_000, 5],
      ],
    ])
    views.tell(told(0, 6), 1_500)
    const bytes = saved((to) => views.save(to))
    const again = new Views()
    again.load(new ImageReader(bytes))
    expect(saved((to) => again.save(to))).toEqual(bytes)
    expect(again.take(2_000, nobody)).toEqual(views.take(2_000, nobody))
  })
})

describe('figures that wait (from behaviour 2 on)', () => {
  const sick: Telling = { ...telling, health: 'unhealthy', signals: ['silence'] }

  test('of one that is calm are asked for anew after ten seconds, of another after one', () => {
    for (const [first, everyMs] of [
      [telling, 10_000],
      [sick, 1_000],
    ] as const) {
      const views = new Views()
      views.tellOrWait(first, 0)
      expect(views.take(0, nobody)).toHaveLength(1)
      views.tellOrWait({ ...first, window: { ...telling.window, n: 2 } }, 500)
      expect(views.nextMs()).toBe(everyMs)
      expect(views.take(everyMs - 1, nobody)).toEqual([])
      const anew = (): Telling => ({ ...first, window: { ...telling.window, n: 7 } })
      expect(views.take(everyMs, anew)).toMatchObject([{ body: { windows: [{ n: 7 }] } }])
      expect(views.nextMs()).toBeNull()
    }
  })

  test('that are the same when they are asked for are not told', () => {
    const views = new Views()
    views.tellOrWait(telling, 0)
    views.take(0, nobody)
    views.tellOrWait(more(2), 500)
    expect(views.take(10_000, () => telling)).toEqual([])
  })

  test('go on waiting while nobody is to be told figures, but a new state is told', () => {
    const views = new Views()
    views.tellOrWait(telling, 0)
    views.take(0, nobody)
    views.tellOrWait(more(2), 500)
    expect(views.take(60_000, null)).toEqual([])
    views.tellOrWait(sick, 60_500)
    expect(views.take(60_500, null)).toMatchObject([{ body: { health: 'unhealthy' } }])
  })

  test('wait on in an image', () => {
    const views = new Views()
    views.tellOrWait(telling, 0)
    views.take(0, nobody)
    views.tellOrWait(more(2), 500)
    const again = new Views()
    again.load(new ImageReader(saved((to) => views.save(to))))
    expect(again.nextMs()).toBe(10_000)
    expect(again.take(10_000, () => more(3))).toEqual(views.take(10_000, () => more(3)))
  })
})
