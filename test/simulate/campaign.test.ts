// Seeds that are kept because of what they meet, what a campaign says about them, and the command.
import { describe, expect, test } from 'vitest'
import { campaign, headline, replayOf } from '../../src/roles/simulate/campaign.ts'
import { CommandOrder, COMMANDS } from '../../src/roles/simulate/commands.ts'
import { MOMENTS, planOf } from '../../src/roles/simulate/plan.ts'
import { run } from '../../src/cli/program.ts'
import { commandId, instanceId, serviceId, taskId } from '../../src/contracts/ids.ts'
import type { Command } from '../../src/contracts/records.ts'

const FOR_MS = 120_000

describe('seeds that are kept', () => {
  test.each([
    [17, 'two partitions, three workers, visitors that come and go'],
    [2, 'the brokers are gone twice'],
    [63, 'a record that ends its process each time it is tried'],
  ])('%i: %s', async (seed) => {
    const report = await campaign({ seed, seeds: 1, forMs: FOR_MS })
    expect(report.failures).toEqual([])
    expect(report.acknowledged).toBeGreaterThan(20)
  })
})

describe('a plan', () => {
  test('comes from the seed alone', () => {
    expect(planOf(5, FOR_MS)).toEqual(planOf(5, FOR_MS))
    expect(planOf(5, FOR_MS)).not.toEqual(planOf(6, FOR_MS))
  })

  test('meets every moment in turn', () => {
    const met = new Set(MOMENTS.map((_, i) => planOf(i, FOR_MS).ambushes[0]?.moment))
    expect(met).toEqual(new Set(MOMENTS))
  })

  test('leaves the end of a run in peace', () => {
    for (let seed = 1; seed < 300; seed++) {
      const { acts, conditions, calmFromMs } = planOf(seed, FOR_MS)
      const ends = acts.map(({ atMs, act }) => atMs + ('forMs' in act ? act.forMs : 0))
      for (const { toMs } of conditions) ends.push(toMs)
      // Rot is in what was written; whoever reads it later has to cope.
      const isRot = acts.some(({ act }) => act.kind === 'rot')
      if (!isRot) expect(Math.max(...ends)).toBeLessThanOrEqual(calmFromMs + 8_000)
    }
  })
})

describe('the order of commands', () => {
  const at = (atMs: number, service: string, more: Partial<Command> = {}): Command =>
    ({
      command_id: commandId(`${atMs}`.padStart(32, '0')),
      issued_at_ms: atMs,
      target: { service: serviceId(service), instance: instanceId('i') },
      lease_id: 'lease-1',
      task: taskId('s0'),
      ...more,
    }) as Command
  const minute = (more: (service: string) => Partial<Command>): readonly string[] => {
    const order = new CommandOrder()
    for (const [i, service] of ['a', 'b', 'c'].entries())
      order.add(at(i * 29_999, service, more(service)))
    return order.problems()
  }

  test('more than a minute allows is told', () => {
    const { perMinute } = COMMANDS
    const told =
      `${perMinute + 1} commands of the fleet within 59998 ms, ` +
      `${perMinute} a minute are allowed`
    expect(minute(() => ({}))).toEqual([told])
    expect(minute((service) => ({ lease_id: null, task: taskId(service) }))).toEqual([])
    expect(minute(() => ({ lease_id: null }))).toHaveLength(1)
  })

  test('two for one service too soon are told; so is one that is there twice', () => {
    const order = new CommandOrder()
    expect(order.add(at(0, 'a'))).toBeNull()
    expect(order.add(at(7_999, 'a'))).toBeNull()
    expect(order.problems()).toEqual(['two commands for a within 7999 ms'])
    expect(order.add(at(7_999, 'a'))).toMatch(/twice/)
  })
})

describe('the command', () => {
  test('says how a seed is run again', () => {
    const options = { seed: 1, seeds: 9, forMs: FOR_MS, workers: 3 }
    expect(replayOf(7, options)).toBe('healstream simulate --seed 7 --for 120000ms --workers 3')
  })

  test.each([
    ['--for', '5'],
    ['--for', '10s'],
    ['--seed', '0'],
    ['--workers', 'many'],
  ])('refuses %s %s', async (...flags) => {
    expect(await run(['simulate', ...flags], {})).toBe(2)
  })

  test('has a headline', async () => {
    const report = await campaign({ seed: 3, seeds: 1, forMs: 60_000 })
    expect(headline(report, 1_000)).toMatch(/^1 seed, 1 min \d+ s simulated in 1 s: \d\d times/)
  })
})
