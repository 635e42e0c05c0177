// Whose record it is: ids that are none, and keys that are another's.
import { expect, test } from 'vitest'
import { isKey, isKeyOf, malformed, type Sender } from '../../../src/core/admit/sender.ts'
import type { RecordView } from '../../../src/contracts/record.ts'

const SENDER: Sender = {
  service: 'shop',
  instance: 'shop-1',
  agent: 'agent-1',
  epoch: 1,
  lane: 0,
  seq: 1,
}

function keyed(key: string | null): RecordView {
  const buffer = Buffer.from(`..${key ?? ''}..`)
  const [keyStart, keyEnd] = key === null ? [-1, -1] : [2, buffer.length - 2]
  const value = { valueStart: 0, valueEnd: 0, headersStart: 0, headersEnd: 0, headerCount: 0 }
  return { offset: 0, timestampMs: 0, buffer, keyStart, keyEnd, ...value }
}

test('a sender is anybody with ids; a service as a whole has no instance', () => {
  expect(malformed(SENDER)).toBeNull()
  expect(malformed({ ...SENDER, instance: null, agent: null })).toBeNull()
})

test.each(['service', 'instance', 'agent'] as const)('an id that is none is told: %s', (field) => {
  const found = malformed({ ...SENDER, [field]: 'a\nb' })
  expect(found).toMatchObject({ reason: 'invalid' })
  expect(found?.detail).toContain(`the id of the ${field}`)
})

test.each([
  ['shop', true],
  ['sho', false],
  ['shops', false],
  ['Shop', false],
  ['', false],
  [null, false],
])('the key %j is that of shop: %s', (key, is) => {
  expect(isKey(keyed(key), 'shop')).toBe(is)
  expect(isKeyOf(keyed(key), Buffer.from('a shop'), 2, 6)).toBe(is)
})
