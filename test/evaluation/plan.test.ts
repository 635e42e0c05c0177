// What a campaign makes go wrong: the same for the same seed, and never two things at once that
// would make the one excuse the other.
import { describe, expect, it } from 'vitest'
import {
  EXPERIMENTS,
  type Fault,
  type Ground,
  HOST_TROUBLES,
  isWide,
  PER_RUN,
  planOf,
  RUNS_WHOLE,
  SHARED,
} from '../../src/roles/evaluate/campaign/plan.ts'
import { Random } from '../../src/roles/simulate/random.ts'

const ground: Ground = {
  hosts: 120,
  zones: 3,
  tasks: 4,
  services: Array.from({ length: 100 }, (_, service) =>
    Array.from({ length: 3 + (service % 5) }, (__, i) => {
      const zone = (service + i) % 3
      return { host: zone * 40 + ((7 * service + i) % 40), zone }
    }),
  ),
}
const plan = (of: (typeof EXPERIMENTS)[number], seed: number): readonly Fault[] =>
  planOf(of, new Random(`plan ${seed}`), ground)
const seeds = [1, 2, 3, 4, 5]

describe('plan of a run', () => {
  it.each(EXPERIMENTS)('%s: the same for the same seed', (experiment) => {
    expect(plan(experiment, 1)).toEqual(plan(experiment, 1))
    expect(plan(experiment, 1)).not.toEqual(plan(experiment, 2))
  })

  it('twenty runs have 10,000 faults of telemetry and 1,000 of several instances', () => {
    const count = (of: (typeof EXPERIMENTS)[number], what: Fault['what']): number =>
      plan(of, 1).filter((fault) => fault.what === what).length
    expect(RUNS_WHOLE * count('mixed', 'telemetry')).toBe(10_000)
    expect(count('mixed', 'single')).toBe(PER_RUN.single)
    expect(RUNS_WHOLE * (count('shared', 'shared') + count('zone', 'shared'))).toBe(1_000)
  })

  it('has every kind there is', () => {
    const all = seeds.flatMap((seed) => EXPERIMENTS.flatMap((one) => plan(one, seed)))
    const kinds = new Set(all.map(({ kind }) => kind))
    for (const kind of [...HOST_TROUBLES, ...SHARED]) expect(kinds).toContain(kind)
  })

  it('leaves the agent alone beside which something real is wrong', () => {
    for (const seed of seeds) {
      const faults = plan('mixed', seed)
      for (const single of faults) {
        if (single.what !== 'single') continue
        const host = ground.services[single.service]?.[single.member]?.host
        const beside = faults.filter(
          (fault) =>
            fault.what === 'telemetry' &&
            !isWide(fault.kind) &&
            fault.at === host &&
            fault.atMs <= single.atMs + 30_000 &&
            fault.atMs + fault.forMs >= single.atMs,
        )
        expect(beside).toEqual([])
      }
    }
  })

  it('takes a service for one real fault in eight minutes', () => {
    for (const seed of seeds) {
      const last = new Map<number, number>()
      for (const fault of plan('mixed', seed)) {
        if (fault.what !== 'single') continue
        const before = last.get(fault.service) ?? Number.NEGATIVE_INFINITY
        expect(fault.atMs - before).toBeGreaterThanOrEqual(480_000)
        last.set(fault.service, fault.atMs)
      }
    }
  })

  it('hurts several at once: more than a fifth of a service, or a zone in many', () => {
    for (const fault of [...plan('shared', 1), ...plan('zone', 1)]) {
      if (fault.what !== 'shared') continue
      const services = new Map<number, number>()
      for (const { service } of fault.victims)
        services.set(service, (services.get(service) ?? 0) + 1)
      for (const [service, victims] of services)
        if (fault.kind !== 'zone')
          expect(victims / (ground.services[service]?.length ?? 1)).toBeGreaterThan(0.2)
      if (fault.kind === 'zone') expect(services.size).toBeGreaterThan(10)
    }
  })
})
