// Virtual time and the processes in it: order, standing still, dying, wrong clocks.
import { describe, expect, test } from 'vitest'
import { SimNode } from '../../src/roles/simulate/node.ts'
import { Random } from '../../src/roles/simulate/random.ts'
import { World } from '../../src/roles/simulate/world.ts'

describe('the world', () => {
  test('does what is due in the order of time, then of making', async () => {
    const world = new World()
    const done: string[] = []
    const at = (ms: number, what: string): void => {
      world.after(ms, () => done.push(`${what}@${world.nowMs}`))
    }
    at(5, 'c')
    at(1, 'a')
    at(5, 'd')
    at(3, 'b')
    at(9, 'never')
    await world.run(8)
    expect(done).toEqual(['a@1', 'b@3', 'c@5', 'd@5'])
    expect(world.nowMs).toBe(8)
  })

  test('keeps its order with many that are due', async () => {
    const world = new World()
    const random = new Random('heap')
    const done: number[] = []
    for (let i = 0; i < 2_000; i++) {
      const ms = random.int(0, 300)
      world.after(ms, () => done.push(ms))
    }
    await world.run(1_000)
    expect(done).toEqual(done.toSorted((a, b) => a - b))
    expect(done).toHaveLength(2_000)
  })

  test('lets everything go on that needs no time before the next event', async () => {
    const world = new World()
    const done: string[] = []
    const work = async (): Promise<void> => {
      for (let i = 0; i < 50; i++) await Promise.resolve()
      done.push('work')
    }
    world.after(1, () => void work())
    world.after(1, () => done.push('next'))
    await world.run(2)
    expect(done).toEqual(['work', 'next'])
  })

  // A run that was started by a message of a parent process was another run than its seed's.
  test('does so too where it is started by a tick', async () => {
    const world = new World()
    const done: string[] = []
    const work = async (): Promise<void> => {
      for (let i = 0; i < 50; i++) await Promise.resolve()
      done.push('work')
    }
    await new Promise<void>((resolve, reject) => {
      process.nextTick(() => {
        void work()
        world.after(0, () => done.push('next'))
        world.run(1).then(resolve, reject)
      })
    })
    expect(done).toEqual(['work', 'next'])
  })

  test('says when something does not come to its end', async () => {
    const world = new World()
    const never = new Promise<void>(() => undefined)
    await expect(world.settle('this', never, 100)).rejects.toThrow('this: not within 100 ms')
  })
})

describe('a process', () => {
  const made = (rate = 1): { world: World; node: SimNode } => {
    const world = new World()
    return { world, node: new SimNode(world, { name: 'n', offsetMs: 0, rate }) }
  }

  test('stopped, it hears everything at once when it goes on', async () => {
    const { world, node } = made()
    const heard: number[] = []
    for (const ms of [10, 20, 30]) void node.sleep(ms).then(() => heard.push(world.nowMs))
    await world.run(15)
    node.pause()
    await world.run(100)
    expect(heard).toHaveLength(1)
    node.resume()
    await world.run(101)
    expect(heard.slice(1)).toEqual([100, 100])
  })

  test('killed, it hears nothing any more', async () => {
    const { world, node } = made()
    let heard = false
    void node.sleep(10).then(() => {
      heard = true
    })
    node.kill()
    await world.run(100)
    expect(heard).toBe(false)
    expect(node.sleeping).toBe(0)
  })

  test('its monotonic clock drifts and never jumps; its wall clock does', async () => {
    const { world, node } = made(1.001)
    const before = [node.nowMs(), node.monotonicMs()] as const
    node.jump(3_600_000)
    await world.run(1_000)
    expect(node.nowMs() - before[0]).toBe(3_601_000)
    expect(node.monotonicMs() - before[1]).toBeCloseTo(1_001, 6)
  })

  test('a timer never rings before its time on its own clock', async () => {
    const { world, node } = made(1.000_37)
    for (let i = 1; i < 200; i++) {
      const dueMs = node.monotonicMs() + i / 7
      await world.settle('a nap', node.sleep(i / 7), 100)
      expect(node.monotonicMs()).toBeGreaterThanOrEqual(dueMs)
    }
  })

  test('a sleep that is given up counts no more', async () => {
    const { world, node } = made()
    const stop = new AbortController()
    const slept = node.sleep(10, stop.signal)
    expect(node.sleeping).toBe(1)
    stop.abort(new Error('given up'))
    await expect(slept).rejects.toThrow('given up')
    await world.run(20)
    expect(node.sleeping).toBe(0)
  })
})

describe('chance', () => {
  test('comes from the seed alone', () => {
    const draws = (seed: string): number[] =>
      Array.from(
        { length: 20 },
        (
          (random) => () =>
            random.next()
        )(new Random(seed)),
      )
    expect(draws('a')).toEqual(draws('a'))
    expect(draws('a')).not.toEqual(draws('b'))
  })

  test('a stream of its own is not moved by draws from another', () => {
    const one = new Random('a')
    const two = new Random('a')
    two.next()
    expect(one.fork('x').next()).toBe(two.fork('x').next())
  })

  test('covers its range evenly', () => {
    const random = new Random('even')
    const counts = Array.from({ length: 10 }, () => 0)
    for (let i = 0; i < 20_000; i++) counts[random.int(0, 9)] = (counts[random.int(0, 9)] ?? 0) + 1
    expect(Math.min(...counts)).toBeGreaterThan(1_000)
  })
})
