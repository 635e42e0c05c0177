// Constants of the journal that can never change without a new layout number.
import { expect, test } from 'vitest'
import {
  ENTRY_BYTES_MAX,
  HASH_BYTES,
  JOURNAL_LAYOUT,
  NO_HASH,
  TOPIC_CODES,
} from '../../src/contracts/journal.ts'

test('codes of topics are for ever: a topic may be added, none may move', () => {
  expect(JOURNAL_LAYOUT).toBe(1)
  expect(TOPIC_CODES).toMatchObject({
    policies: 1,
    operator: 2,
    fleet: 3,
    'service-events': 4,
    remote: 5,
    results: 6,
    signals: 7,
    telemetry: 8,
    observations: 9,
    commands: 10,
    incidents: 11,
    health: 12,
    registry: 13,
    journal: 14,
    snapshots: 15,
    checkpoints: 16,
    'fleet-journal': 17,
    'fleet-snapshots': 18,
    'fleet-checkpoints': 19,
    alerts: 20,
    dlq: 21,
  })
})

test('the bound and the hash are those of the design', () => {
  expect(ENTRY_BYTES_MAX).toBe(262_144)
  expect(NO_HASH).toEqual(new Uint8Array(HASH_BYTES))
})
