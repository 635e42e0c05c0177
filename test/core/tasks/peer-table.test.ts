// The table of those that are compared has room for every service, and is used again.
import { expect, test } from 'vitest'
import { PeerTable } from '../../../src/core/tasks/peer-table.ts'

test.each([1, 64, 65, 1_000])('holds the figures of %i instances', (size) => {
  const table = new PeerTable()
  table.begin(size)
  table.errors[size - 1] = 0.5
  table.p99Us[size - 1] = 7
  expect([table.errors[size - 1], table.p99Us[size - 1]]).toEqual([0.5, 7])
})

test('begins anew without giving room back', () => {
  const table = new PeerTable()
  table.begin(100)
  table.count = 100
  const { errors } = table
  table.begin(3)
  expect(table.count).toBe(0)
  expect(table.errors).toBe(errors)
})
