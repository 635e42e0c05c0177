// Channels: found by the bytes of their identity, as long as their stream is remembered.
import { expect, test } from 'vitest'
import { type Channel, Channels } from '../../../src/core/admit/channel.ts'
import type { Stream } from '../../../src/core/admit/sequence.ts'
import { encodeUtf8 } from '../../../src/contracts/utf8.ts'

/** Streams that are remembered no more. */
const forgotten = new Set<unknown>()
const sequences = { isHeld: (stream: Stream): boolean => !forgotten.has(stream) }

const channel = (instance: string): Channel<string> => ({
  service: 'shop',
  instance,
  agent: 'agent-1',
  epoch: 1,
  lane: 0,
  slot: 0,
  generation: 1,
  bytes: instance.length,
  serviceFrom: 0,
  serviceTo: 4,
  bound: null,
})

test('is found by its bytes alone, wherever they lie', () => {
  const channels = new Channels<string>(sequences)
  const held = channel('shop-1')
  const bytes = encodeUtf8('..shop-1..')
  channels.add(held, { bytes, start: 2, end: 8 })
  expect(channels.find(encodeUtf8('shop-1'), 0, 6)).toBe(held)
  expect(channels.find(bytes, 2, 7)).toBeNull()
  expect(channels.find(bytes, 1, 8)).toBeNull()
})

test('the one that came next is told without a look for where it ends', () => {
  const channels = new Channels<string>(sequences)
  const log = encodeUtf8('shop-1shop-2shop-3')
  const held = ['shop-1', 'shop-2', 'shop-3'].map(channel)
  held.forEach((each, i) => channels.add(each, { bytes: log, start: 6 * i, end: 6 * i + 6 }))
  expect(channels.find(log, 0, 6)).toBe(held[0])
  expect(channels.next(log, 6, 18)).toBe(held[1])
  // It comes next, but is cut off; then another comes in its place.
  expect(channels.next(log, 12, 17)).toBeNull()
  expect(channels.next(log, 0, 18)).toBeNull()
  expect(channels.find(log, 0, 6)).toBe(held[0])
  expect(channels.next(log, 6, 18)).toBe(held[1])
  expect(channels.next(log, 12, 18)).toBeNull()
  expect(channels.next(log, 0, 18)).toBe(held[0])
  const [, second] = held
  if (second === undefined) throw new Error('two were made')
  forgotten.add(second)
  expect(channels.next(log, 6, 18)).toBeNull()
})

test('holds no longer than its stream, and begins anew', () => {
  const channels = new Channels<string>(sequences)
  const held = channel('shop-1')
  const identity = { bytes: encodeUtf8('shop-1'), start: 0, end: 6 }
  channels.add(held, identity)
  forgotten.add(held)
  expect(channels.find(identity.bytes, 0, 6)).toBeNull()
  const again = channel('shop-1')
  channels.add(again, identity)
  expect(channels.find(identity.bytes, 0, 6)).toBe(again)
})

test('a flood of identities is not remembered without end', () => {
  const channels = new Channels<string>(sequences)
  const first = encodeUtf8('instance-0')
  for (let i = 0; i < 65_537; i++) {
    const bytes = encodeUtf8(`instance-${i}`)
    channels.add(channel(`instance-${i}`), { bytes, start: 0, end: bytes.length })
  }
  expect(channels.find(first, 0, first.length)).toBeNull()
  const last = encodeUtf8('instance-65536')
  expect(channels.find(last, 0, last.length)?.instance).toBe('instance-65536')
})
