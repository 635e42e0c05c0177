// What is sensed has a name, a rule, and a sentence.
import { expect, test } from 'vitest'
import { DETECTOR_NAMES } from '../../../src/contracts/detector-settings.ts'
import { DETECTORS } from '../../../src/core/health/detectors.ts'
import { isSensed, SENSED, SENSED_NAMES, sensedText } from '../../../src/core/health/sensed.ts'

test('every named detector is one of requests and signals, or is sensed', () => {
  const rules = new Set<string>(SENSED_NAMES.map((name) => SENSED[name].rule))
  for (const [name] of DETECTORS) rules.add(name)
  expect([...rules].toSorted()).toEqual(DETECTOR_NAMES.toSorted())
})

test.each([
  ['adaptive_errors', 0.125, 0.05, 'share of errors: 12.5 %, limit 5.0 %'],
  ['adaptive_latency', 250_000, 100_000, 'mean latency: 250.0 ms, limit 100.0 ms'],
  ['rtt', 8, 4, 'round trip: 8.0 ms, limit 4.0 ms'],
  ['heartbeat_level_3', 240_000, 240_000, 'no heartbeat of level 3 for: 240.0 s, limit 240.0 s'],
  ['memory_leak', 10_485_760, 5_242_880, 'memory grows a minute: 10.0 MiB, limit 5.0 MiB'],
  ['error_logs', 100, 100, 'error lines in 10 s: 100, limit 100'],
  ['joint', 2.5, 1.9, 'several figures together: 2.5 σ, limit 1.9 σ'],
  ['burn_rate', 20, 14.4, 'error budget burns: 20.0 times, limit 14.4 times'],
  ['score_low', 34, 60, 'health score: 34.0, limit 60.0'],
  ['network_partition', 1, 0, 'silent, and others reach it'],
] as const)('%s is told', (name, value, limit, text) => {
  expect(sensedText(name, value, limit)).toBe(text)
})

test('nothing else is sensed', () => expect(isSensed('toString')).toBe(false))
