// The members of a service: who was touched, in their order, each once; how many are in which
// health. Held against the plain way: look at all of them.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Health } from '../../../src/contracts/records.ts'
import { serviceId } from '../../../src/contracts/ids.ts'
import { Slots } from '../../../src/core/kernel/slots.ts'
import { newEntry } from '../../../src/core/registry/entry.ts'
import { Group } from '../../../src/core/tasks/group.ts'
import { newSubject, type Subject } from '../../../src/core/tasks/subject.ts'

const NOTHING = { spanMs: 60_000, n: 0, errors: 0, successRate: null, p99Us: null, maxUs: 0 }
const HEALTHS: readonly Health[] = ['unknown', 'healthy', 'unstable', 'unhealthy']

const slots = new Slots()

function member(group: Group, name: string): Subject {
  const origin = { clusterId: 'c', incarnation: 1, nowMs: 1 }
  const entry = newEntry({ service: 'shop', instance: name }, origin)
  entry.slot = slots.take()
  const subject = newSubject(entry, 1, slots)
  group.subjects.set(name, subject)
  group.remade()
  group.count(subject, true)
  return subject
}

function leaves(group: Group, subject: Subject): void {
  subject.entry.isForgotten = true
  group.count(subject, false)
  group.subjects.delete(subject.vital.instance)
  group.remade()
}

const newGroup = (): Group => new Group(serviceId('shop'), slots, () => NOTHING)

test('those touched come once, in order of instance, few or many of them', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.nat(999), { minLength: 1, maxLength: 60 }),
      fc.array(fc.nat(59)),
      fc.array(fc.nat(59), { maxLength: 3 }),
      (numbers, touches, gone) => {
        const group = newGroup()
        const members = numbers.map((number) => member(group, `i-${number}`))
        const wanted = new Set<Subject>()
        for (const i of touches) {
          const subject = members[i]
          if (subject === undefined) continue
          group.touch(subject)
          wanted.add(subject)
        }
        for (const i of new Set(gone)) {
          const subject = members[i]
          if (subject === undefined) continue
          leaves(group, subject)
          wanted.delete(subject)
        }
        const taken = group.takeTouched()
        expect(taken).toEqual(group.ordered().filter((subject) => wanted.has(subject)))
        expect(group.takeTouched()).toEqual([])
      },
    ),
  )
})

test('healths are counted as they are, without those that are gone', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom(...HEALTHS), fc.constantFrom('ready', 'gone', 'draining'))),
      (states) => {
        const group = newGroup()
        states.forEach(([health, lifecycle], i) => {
          const subject = member(group, `i-${i}`)
          subject.vital.health = health
          Object.assign(subject.entry, { lifecycle })
          group.count(subject, true)
        })
        const live = states.filter(([, lifecycle]) => lifecycle !== 'gone')
        expect(group.live).toBe(live.length)
        for (const health of HEALTHS)
          expect(group.healths[health]).toBe(live.filter(([is]) => is === health).length)
        const routed = live.filter(([is, lifecycle]) => lifecycle === 'ready' && is !== 'unhealthy')
        expect(group.routable).toBe(routed.length)
      },
    ),
  )
})
