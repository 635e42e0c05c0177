// The table of topics: what the design says of all of them.
import { describe, expect, it } from 'vitest'
import {
  INPUT_TOPICS,
  TOPICS,
  topicKind,
  topicName,
  topicSpec,
} from '../../src/contracts/topics.ts'

describe('topics', () => {
  it('have one name each, and back', () => {
    for (const { kind } of TOPICS) {
      expect(topicSpec(kind).kind).toBe(kind)
      expect(topicKind(topicName(kind))).toBe(kind)
      expect(topicKind(topicName(kind, 'eu.'), 'eu.')).toBe(kind)
      expect(topicKind(topicName(kind), 'eu.')).toBeNull()
    }
    expect(new Set(TOPICS.map(({ kind }) => kind)).size).toBe(TOPICS.length)
    expect(topicKind('hs.nothing')).toBeNull()
  })

  it('read by a step come in the order of its slices', () => {
    expect(INPUT_TOPICS).toEqual([
      'policies',
      'operator',
      'fleet',
      'service-events',
      'remote',
      'results',
      'signals',
      'telemetry',
    ])
  })

  it('that replays or audits need are not compacted, and those of agents are small', () => {
    const compacted = TOPICS.filter(({ cleanup }) => cleanup === 'compact')
    expect(compacted.map(({ kind }) => kind)).toEqual(['health', 'registry'])
    for (const { edge, maxBytes, input, partitions } of TOPICS) {
      if (edge) expect([maxBytes, input]).toEqual([65_536, true])
      if (input) expect(partitions).toBe('P')
    }
  })

  // A refused record of a whole megabyte stopped its task: the letter was too large for hs.dlq.
  it('dead letters have room for the largest record of any input', () => {
    const largest = Math.max(...TOPICS.filter(({ input }) => input).map((spec) => spec.maxBytes))
    expect(topicSpec('dlq').maxBytes).toBeGreaterThanOrEqual(largest + 65_536)
  })
})
