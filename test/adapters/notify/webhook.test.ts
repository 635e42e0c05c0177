// What a webhook is sent.
import { expect, test } from 'vitest'
import { bodyOf } from '../../../src/adapters/notify/webhook.ts'
import { anAlert, anEnd } from '../../roles/notifier/records.ts'

test('alerts: firing while one of them is, with the gravest tier', () => {
  const low = anAlert('a1', { tier: 'low', state: 'resolved' })
  const medium = anAlert('a2', { tier: 'medium' })
  const of = (alerts: (typeof low)[]): unknown =>
    bodyOf({ kind: 'alerts', key: 'k', group: 'shop', alerts })
  expect(of([low, medium])).toMatchObject({ status: 'firing', tier: 'medium', group: 'shop' })
  expect(of([low])).toMatchObject({ status: 'resolved', tier: 'low', alerts: [low] })
})

test('an outcome: the incident, and nothing of the inside of the log', () => {
  const event = anEnd('i1')
  const body = bodyOf({ kind: 'outcome', key: 'k', outcome: 'healed', event })
  expect(body).toMatchObject({ kind: 'outcome', outcome: 'healed' })
  expect(Object.keys(body['incident'] as object)).not.toContain('prev_hash')
})
