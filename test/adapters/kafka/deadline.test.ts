// A limit on waiting, not on the work.
import { describe, expect, it, vi } from 'vitest'
import { within } from '../../../src/adapters/kafka/deadline.ts'

const late = () => new Error('late')
const never = new Promise<string>(() => undefined)

describe('within', () => {
  it('gives what the work gives', async () => {
    expect(await within(Promise.resolve('x'), { timeoutMs: 1_000 }, late)).toBe('x')
    const failing = Promise.reject(new Error('broken'))
    await expect(within(failing, { timeoutMs: 1_000 }, late)).rejects.toThrow('broken')
  })

  it('ends with the time or the signal, whichever is first', async () => {
    await expect(within(never, { timeoutMs: 10 }, late)).rejects.toThrow('late')
    const stop = new AbortController()
    const waiting = within(never, { timeoutMs: 10_000, signal: stop.signal }, late)
    stop.abort(new Error('stopped'))
    await expect(waiting).rejects.toThrow('stopped')
    const limits = { timeoutMs: 10_000, signal: stop.signal }
    await expect(within(Promise.reject(new Error('unseen')), limits, late)).rejects.toThrow(
      'stopped',
    )
  })

  it('leaves neither timer nor listener behind', async () => {
    const stop = new AbortController()
    const added = vi.spyOn(stop.signal, 'addEventListener')
    const removed = vi.spyOn(stop.signal, 'removeEventListener')
    const cleared = vi.spyOn(globalThis, 'clearTimeout')
    await within(Promise.resolve('x'), { timeoutMs: 60_000, signal: stop.signal }, late)
    expect([added, removed, cleared].map((spy) => spy.mock.calls.length)).toEqual([1, 1, 1])
    cleared.mockRestore()
  })
})
