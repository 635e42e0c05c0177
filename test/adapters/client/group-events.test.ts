// The queue between a member and who runs its tasks.
import { expect, test } from 'vitest'
import { GroupEvents } from '../../../src/adapters/client/group-events.ts'
import { LogError } from '../../../src/runtime/log-error.ts'
import type { GroupEvent } from '../../../src/runtime/ports.ts'

const lost = (reason: string): GroupEvent => ({ kind: 'lost', reason })
const failure = new LogError('NOT_AUTHORIZED', 'no right')
const closed = new LogError('CLOSED', 'left')

test('events come in their order, to who waited and to who asks later', async () => {
  const events = new GroupEvents()
  const waiting = [events.next(), events.next()]
  for (const reason of ['1', '2', '3']) events.emit(lost(reason))
  expect(await Promise.all([...waiting, events.next()])).toEqual(['1', '2', '3'].map(lost))
})

test('after a failure what came before it can still be taken; the first one stays', async () => {
  const events = new GroupEvents()
  events.emit(lost('before'))
  events.fail(failure)
  events.fail(new LogError('MEMBER_LOST', 'later'))
  expect(await events.next()).toEqual(lost('before'))
  await expect(events.next()).rejects.toBe(failure)
})

test('after close() nothing older can be taken, not even a failure', async () => {
  const events = new GroupEvents()
  events.emit(lost('before'))
  events.fail(failure)
  events.close(closed)
  await expect(events.next()).rejects.toBe(closed)
})

test('who waits is told', async () => {
  const events = new GroupEvents()
  const waiting = events.next().catch((error: unknown) => error)
  events.close(closed)
  expect(await waiting).toBe(closed)
})
