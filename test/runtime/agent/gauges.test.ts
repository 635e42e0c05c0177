// Gauges against the kernel's own figures for this very process.
import { expect, test } from 'vitest'
import { GaugeSampler } from '../../../src/runtime/agent/gauges.ts'

test.runIf(process.platform === 'linux')('memory, files and processor time of a process', () => {
  const sampler = new GaugeSampler()
  const first = sampler.sample(process.pid, performance.now())
  expect(first?.cpu).toBeNull()
  const rss = process.memoryUsage.rss()
  expect(first?.rss?.sum).toBeGreaterThan(rss * 0.5)
  expect(first?.rss?.sum).toBeLessThan(rss * 2)
  expect(first?.fds?.sum).toBeGreaterThan(2)
  const until = performance.now() + 300
  while (performance.now() < until) Math.sqrt(until)
  const second = sampler.sample(process.pid, performance.now())
  expect(second?.cpu?.sum).toBeGreaterThan(0.3)
  expect(second?.cpu?.sum).toBeLessThan(8)
})

test('a process that is gone has no gauges, and a new one starts its own count', () => {
  const usage = new Map([
    [1, { cpuMs: 5_000, rssBytes: 10, fds: null }],
    [2, { cpuMs: 20, rssBytes: 20, fds: 3 }],
  ])
  const sampler = new GaugeSampler((pid) => usage.get(pid) ?? null)
  expect(sampler.sample(3, 0)).toBeNull()
  expect(sampler.sample(1, 0)).toMatchObject({ cpu: null, fds: null })
  usage.set(1, { cpuMs: 5_500, rssBytes: 10, fds: null })
  expect(sampler.sample(1, 1_000)?.cpu).toEqual({ n: 1, sum: 0.5, max: 0.5 })
  expect(sampler.sample(2, 2_000)?.cpu).toBeNull()
})
