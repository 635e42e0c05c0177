// S3-29, S3-30: what a schedule must be, checked from its definition: nothing above capacity, none
// lost, pending only what fits nowhere, and the same answer whatever order the tables come in.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Host, type Placed, schedule, type Wanting } from '../../../src/core/plan/schedule.ts'

const host = (name: string, cpu: number, some: Partial<Host> = {}): Host => {
  return { name, zone: null, offers: { cpu, memory: 1_000 }, labels: [], ...some }
}
const want = (key: string, cpu: number, some: Partial<Wanting> = {}): Wanting => {
  return { key, service: 'shop', needs: { cpu, memory: 1 }, labels: [], notOn: [], ...some }
}
const at = (key: string, on: string, cpu: number, service: string = 'shop'): Placed => {
  return { key, service, host: on, needs: { cpu, memory: 1 } }
}

describe('a schedule', () => {
  test('spreads over zones, then over hosts', () => {
    const hosts = [
      host('a1', 9, { zone: 'a' }),
      host('a2', 9, { zone: 'a' }),
      host('b1', 4, { zone: 'b' }),
    ]
    const { assigned } = schedule(hosts, [at('x', 'a1', 1)], [want('1', 1), want('2', 1)])
    expect([...assigned]).toEqual([
      ['1', 'b1'],
      ['2', 'a2'],
    ])
  })

  test('never where it was, and only where its labels are', () => {
    const hosts = [
      host('a', 9),
      host('b', 9, { labels: ['ssd'] }),
      host('c', 9, { labels: ['ssd'] }),
    ]
    const one = want('1', 1, { labels: ['ssd'], notOn: ['b'] })
    expect(schedule(hosts, [], [one]).assigned.get('1')).toBe('c')
    expect(schedule(hosts.slice(0, 2), [], [one]).pending).toEqual(['1'])
  })

  test('what does not fit is pending, and takes no room from what does', () => {
    const { assigned, pending } = schedule([host('a', 2)], [], [want('big', 3), want('small', 2)])
    expect([...assigned.keys()]).toEqual(['small'])
    expect(pending).toEqual(['big'])
  })
})

const amounts = fc.integer({ min: 0, max: 6 })
const tables = fc.record({
  hosts: fc.uniqueArray(
    fc.record({
      name: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      zone: fc.constantFrom(null, 'z1', 'z2'),
      offers: fc.record({ cpu: amounts, memory: amounts }),
      labels: fc.subarray(['ssd', 'gpu']),
    }),
    { selector: ({ name }) => name },
  ),
  placed: fc.array(
    fc.record({
      service: fc.constantFrom('shop', 'cart'),
      host: fc.constantFrom('a', 'b', 'c', 'gone'),
      needs: fc.record({ cpu: amounts, memory: amounts }),
    }),
    { maxLength: 6 },
  ),
  wanting: fc.array(
    fc.record({
      service: fc.constantFrom('shop', 'cart'),
      needs: fc.record({ cpu: amounts, memory: amounts }),
      labels: fc.subarray(['ssd']),
      notOn: fc.subarray(['a', 'b']),
    }),
    { maxLength: 8 },
  ),
})

test('no capacity exceeded, none lost, exactly the unplaceable pending, in any order', () => {
  fc.assert(
    fc.property(tables, fc.infiniteStream(fc.nat()), (made, chance) => {
      const placed = made.placed.map((one, i) => ({ ...one, key: `p${i}` }))
      const wanting = made.wanting.map((one, i) => ({ ...one, key: `w${i}` }))
      const { assigned, pending } = schedule(made.hosts, placed, wanting)

      expect([...assigned.keys(), ...pending].toSorted()).toEqual(
        wanting.map(({ key }) => key).toSorted(),
      )
      const room = (name: string): { cpu: number; memory: number } => {
        const { cpu = 0, memory = 0 } = made.hosts.find((one) => one.name === name)?.offers ?? {}
        const before = placed.filter((one) => one.host === name)
        const now = wanting.filter(({ key }) => assigned.get(key) === name)
        const all = [...before, ...now].map(({ needs }) => needs)
        return {
          cpu: cpu - all.reduce((sum, needs) => sum + needs.cpu, 0),
          memory: memory - all.reduce((sum, needs) => sum + needs.memory, 0),
        }
      }
      const allowed = (one: (typeof wanting)[number], { name, labels }: Host): boolean => {
        return !one.notOn.some((not) => not === name) && one.labels.every((l) => labels.includes(l))
      }
      for (const one of wanting) {
        const name = assigned.get(one.key)
        if (name !== undefined) {
          const found = made.hosts.find((some) => some.name === name)
          if (found === undefined) throw new Error(`${name} is no host`)
          expect(allowed(one, found)).toBe(true)
          const left = room(name)
          // A host that was too full before takes only what needs nothing of what is short.
          if (one.needs.cpu > 0) expect(left.cpu).toBeGreaterThanOrEqual(0)
          if (one.needs.memory > 0) expect(left.memory).toBeGreaterThanOrEqual(0)
        } else {
          for (const some of made.hosts.filter((each) => allowed(one, each))) {
            const left = room(some.name)
            expect(one.needs.cpu <= left.cpu && one.needs.memory <= left.memory).toBe(false)
          }
        }
      }
      const shuffled = <T>(all: readonly T[]): T[] =>
        all
          .map((one) => [chance.next().value ?? 0, one] as const)
          .toSorted(([a], [b]) => a - b)
          .map(([, one]) => one)
      const again = schedule(shuffled(made.hosts), shuffled(placed), shuffled(wanting))
      expect(new Map([...again.assigned].toSorted())).toEqual(new Map([...assigned].toSorted()))
      expect(again.pending).toEqual(pending)
    }),
    { numRuns: 400 },
  )
})
