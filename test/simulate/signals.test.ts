// The signals of a run do what Node's own do, as far as the engine can tell, and are gone after it.
import { setMaxListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { createSerde } from '../../src/adapters/serde/serde.ts'
import { quickSignals } from '../../src/roles/simulate/signals.ts'
import { simulate } from '../../src/roles/simulate/simulation.ts'

/** What is heard of a signal by those who listen, leave, come twice or come late. */
function heard(): readonly unknown[] {
  const found: unknown[] = []
  const controller = new AbortController()
  const { signal } = controller
  setMaxListeners(0, signal)
  const say =
    (what: string) =>
    ({ type, target }: Event): void => {
      const isSignal = target instanceof AbortSignal
      found.push([what, type, isSignal && target.aborted, isSignal && target.reason])
    }
  const first = say('first')
  const second = say('second')
  const third = say('third')
  signal.addEventListener('abort', first, { once: true })
  signal.addEventListener('abort', () => signal.removeEventListener('abort', third))
  signal.addEventListener('abort', second)
  signal.addEventListener('abort', first)
  signal.addEventListener('abort', third)
  const gone = say('gone')
  signal.addEventListener('abort', gone)
  signal.removeEventListener('abort', gone)
  signal.throwIfAborted()
  controller.abort('the reason')
  controller.abort('another reason')
  signal.addEventListener('abort', say('late'))
  try {
    signal.throwIfAborted()
  } catch (error) {
    found.push(error)
  }
  return found
}

function withQuick<T>(act: () => T): T {
  const putBack = quickSignals()
  try {
    return act()
  } finally {
    putBack()
  }
}

describe('a quick signal', () => {
  test('is heard as one of Node is', () => {
    const own = heard()
    expect(own).toHaveLength(3)
    expect(withQuick(heard)).toEqual(own)
  })

  test('says why where nobody has said it', () => {
    const why = (): unknown => {
      const controller = new AbortController()
      controller.abort()
      return controller.signal.reason
    }
    expect(withQuick(why)).toEqual(why())
  })

  test('is there while a run lasts, and gone after it', async () => {
    const { AbortController: controller, AbortSignal: signal } = globalThis
    const serde = await createSerde()
    const run = simulate({ seed: 1, forMs: 60_000, serde })
    expect(globalThis.AbortController).not.toBe(controller)
    expect(globalThis.AbortSignal).not.toBe(signal)
    await run
    expect(globalThis.AbortController).toBe(controller)
    expect(globalThis.AbortSignal).toBe(signal)
  })
})
