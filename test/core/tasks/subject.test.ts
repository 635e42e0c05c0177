// Facts of an instance, as healing gets them.
import { expect, test } from 'vitest'
import { Slots } from '../../../src/core/kernel/slots.ts'
import { newEntry } from '../../../src/core/registry/entry.ts'
import { HEARD } from '../../../src/core/tasks/marks.ts'
import { isLeaving, newSubject, SubjectFacts } from '../../../src/core/tasks/subject.ts'

const origin = { clusterId: 'c', incarnation: 4, nowMs: 7 }

test('facts join registry, vital signs and window', () => {
  const entry = newEntry({ service: 'shop', instance: 'shop-1' }, origin)
  Object.assign(entry, { agent: 'agent-1', agentEpoch: 2, zone: 'z1', link: 'online' })
  const window = { spanMs: 60_000, n: 0, errors: 0, successRate: null, p99Us: null, maxUs: 0 }
  const subject = newSubject(entry, 7, new Slots())
  subject.mark(HEARD, true)
  expect(new SubjectFacts(subject, { from: { figuresOf: () => window }, nowMs: 9 })).toMatchObject({
    key: 'shop/shop-1',
    service: 'shop',
    instance: 'shop-1',
    incarnation: 4,
    registeredAtMs: 7,
    lifecycle: 'unknown',
    link: 'online',
    zone: 'z1',
    appVersion: null,
    agent: 'agent-1',
    agentEpoch: 2,
    agentHeard: true,
    health: 'unknown',
    healthSinceMs: 7,
    transitions: 0,
    findings: [],
    window,
    probe: null,
  })
})

test('a service as a whole is no subject', () => {
  const entry = newEntry({ service: 'shop', instance: null }, origin)
  expect(() => newSubject(entry, 7, new Slots())).toThrow('missing')
})

test('who is leaving', () => {
  expect(isLeaving('gone') && isLeaving('draining')).toBe(true)
  expect(isLeaving('ready') || isLeaving('standby') || isLeaving('unknown')).toBe(false)
})
