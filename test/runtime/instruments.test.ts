// The table of events keeps the conventions of metrics (Prometheus naming) and of the house.
import { describe, expect, it } from 'vitest'
import type { MetricSpec } from '../../src/runtime/event-spec.ts'
import { EVENTS } from '../../src/runtime/instruments.ts'

const events = Object.entries(EVENTS)
const metrics = events.flatMap(([, event]) => event.metrics ?? [])

/** Fields with more values than a metric may have series. */
const UNBOUNDED = ['task', 'offset', 'instance', 'command', 'detail', 'seq', 'agent', 'incident']

describe('the table of events', () => {
  it.each(events)('%s is a sentence with named fields', (_, { text }) => {
    expect(text.length).toBeGreaterThan(5)
    expect(text).not.toMatch(/[\n\t]|\{\W|\{\}/)
  })

  it.each(metrics.map((metric) => [metric.name, metric] as const))(
    '%s is well named',
    (name, m) => {
      expect(name).toMatch(/^[a-z][a-z0-9_]*$/)
      expect(name.startsWith('healstream_')).toBe(false)
      if (m.kind === 'counter') expect(name).toMatch(/_total$/)
      else expect(name).not.toMatch(/_(total|count|sum|bucket)$/)
      if (m.kind === 'histogram') expect(m.value).toBeDefined()
      expect(m.help).toMatch(/^[A-Z].*\.$/)
      expect((m.labels ?? []).filter((label) => UNBOUNDED.includes(label))).toEqual([])
    },
  )

  it('means the same metric by the same name', () => {
    const known = new Map<string, MetricSpec>()
    for (const { value, ...metric } of metrics) {
      expect(known.get(metric.name) ?? metric).toEqual(metric)
      known.set(metric.name, metric)
      expect(value ?? '').toMatch(/^[a-z_]*$/)
    }
  })
})
