// What is followed without being owned: how each stands, what the leader is told, and what becomes
// of one that is given to this worker.
import { describe, expect, test } from 'vitest'
import { type Following, Followers } from '../../src/runtime/followers.ts'
import { serviceTask } from '../../src/runtime/task-spec.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

class Fake implements Following {
  seq = 0
  isReady = false
  failure: string | null = null
  closed = 0
  handedOver = 0

  handOver(): Promise<null> {
    this.handedOver++
    return Promise.resolve(null)
  }

  close(): Promise<void> {
    this.closed++
    return Promise.resolve()
  }
}

class Desk {
  readonly clock: VirtualClock = new VirtualClock()
  readonly opened: Fake[] = []
  readonly awaited: boolean[] = []
  readonly followers: Followers = new Followers({
    specOf: serviceTask,
    clock: this.clock,
    open: (_, isAwaited) => {
      this.awaited.push(isAwaited)
      const fake = new Fake()
      this.opened.push(fake)
      return fake
    },
  })

  fake(i: number): Fake {
    const fake = this.opened[i]
    if (fake === undefined) throw new Error(`nothing was opened as ${i}`)
    return fake
  }
}

describe('following', () => {
  test('what stays is not opened again, what goes is closed', () => {
    const desk = new Desk()
    desk.followers.follow([1, 2], [])
    desk.followers.follow([2, 3], [])
    expect(desk.opened).toHaveLength(3)
    expect(desk.awaited).toEqual([false, false, false])
    expect(desk.opened.map(({ closed }) => closed)).toEqual([1, 0, 0])
    expect(desk.followers.status().map(({ task }) => task)).toEqual(['s2', 's3'])
  })

  test('the leader is told how far each is, and who could take over', () => {
    const desk = new Desk()
    desk.followers.follow([1, 2], [])
    Object.assign(desk.fake(0), { seq: 40, isReady: true })
    Object.assign(desk.fake(1), { seq: 7 })
    expect(desk.followers.known()).toEqual([
      { task: 1, owned: false, ready: true, position: 40 },
      { task: 2, owned: false, ready: false, position: 7 },
    ])
  })

  test('one that is given to this worker is handed over and followed no more', async () => {
    const desk = new Desk()
    desk.followers.follow([1], [])
    await desk.followers.take(1)
    expect(desk.fake(0)).toMatchObject({ handedOver: 1, closed: 0 })
    expect(await desk.followers.take(1)).toBeNull()
    expect(desk.followers.status()).toEqual([])
    await desk.followers.close()
  })
})

describe('what is coming', () => {
  test('is ready when it has caught up', () => {
    const desk = new Desk()
    desk.followers.follow([1], [1])
    expect(desk.followers.standing(1)).toBe('behind')
    expect(desk.awaited).toEqual([true])
    desk.fake(0).isReady = true
    expect(desk.followers.standing(1)).toBe('ready')
  })

  test('is not waited for without end: after half a minute it comes as it is', async () => {
    const desk = new Desk()
    desk.followers.follow([1, 2], [1])
    await desk.clock.advance(20_000)
    // A newer round does not begin the waiting anew.
    desk.followers.follow([1, 2], [1])
    await desk.clock.advance(10_000)
    expect(desk.followers.standing(1)).toBe('ready')
    expect(desk.followers.known().map(({ ready }) => ready)).toEqual([true, false])
  })

  // Story: a task moved to a worker that could not even read its journal, and stopped there.
  test('where it cannot be followed it does not come', async () => {
    const desk = new Desk()
    desk.followers.follow([1], [1])
    desk.fake(0).failure = 'NOT_AUTHORIZED'
    expect(desk.followers.standing(1)).toBe('behind')
    await desk.clock.advance(30_000)
    expect(desk.followers.standing(1)).toBe('failed')
    expect(desk.followers.known().map(({ ready }) => ready)).toEqual([false])
  })

  test('of what is not followed at all nothing is to be expected', () => {
    expect(new Desk().followers.standing(9)).toBe('failed')
  })
})
