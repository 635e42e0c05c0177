// Cool-downs double with every attempt without effect, up to the ceiling, and start over with
// success.
import { expect, test } from 'vitest'
import { instanceId, policyName } from '../../../src/contracts/ids.ts'
import { GUARD_DEFAULTS } from '../../../src/contracts/limits.ts'
import {
  coolUntilMs,
  ineffectiveAttempts,
  loadHistory,
  newHistory,
  nextSeq,
  noteAction,
  noteEffect,
  pruneHistory,
  recentActions,
  saveHistory,
} from '../../../src/core/decision/history.ts'
import { ImageReader } from '../../../src/core/kernel/image.ts'
import { saved } from '../../support/image.ts'
import { SHOP } from './world.ts'

const acted = { service: SHOP, instance: instanceId('a'), policy: policyName('p') }
const MINUTE = 60_000

test('5 minutes, then 10, never more, and 5 again after success', () => {
  const history = newHistory()
  const waits: number[] = []
  for (const helped of [false, false, false, true, true]) {
    noteAction(history, acted, { nowMs: 0, baseMs: 5 * MINUTE })
    noteEffect(history, acted, { nowMs: 1, helped })
    waits.push((coolUntilMs(history, acted, GUARD_DEFAULTS) ?? 0) / MINUTE)
  }
  expect(waits).toEqual([10, 10, 10, 5, 5])
})

test('a policy whose own cool-down is above the ceiling keeps it', () => {
  const history = newHistory()
  noteAction(history, acted, { nowMs: 0, baseMs: 60 * MINUTE })
  noteEffect(history, acted, { nowMs: 1, helped: false })
  expect(coolUntilMs(history, acted, GUARD_DEFAULTS)).toBe(60 * MINUTE)
})

test('another policy and another target have brakes of their own', () => {
  const history = newHistory()
  noteAction(history, acted, { nowMs: 0, baseMs: MINUTE })
  for (const other of [
    { ...acted, policy: policyName('q') },
    { ...acted, instance: instanceId('b') },
    { ...acted, instance: instanceId('a/p'), policy: policyName('p') },
  ]) {
    expect(coolUntilMs(history, other, GUARD_DEFAULTS)).toBeNull()
  }
})

test('the last minute, the span of attempts, sequence numbers', () => {
  const history = newHistory()
  for (const nowMs of [0, 30_000, 60_000]) noteAction(history, acted, { nowMs, baseMs: 0 })
  expect(recentActions(history, 60_000)).toEqual([30_000, 60_000])
  for (const nowMs of [0, 100, 200]) noteEffect(history, acted, { nowMs, helped: false })
  expect(ineffectiveAttempts(history, acted, { nowMs: 200, spanMs: 200 })).toEqual([100, 200])
  expect(ineffectiveAttempts(history, acted, { nowMs: 1_000, spanMs: 200 })).toEqual([])
  expect([nextSeq(history, 'x'), nextSeq(history, 'y'), nextSeq(history, 'x')]).toEqual([1, 1, 2])
})

test('what no guard can ask about any more is forgotten, and nothing else', () => {
  const history = newHistory()
  const week = 7 * 24 * 60 * MINUTE
  noteAction(history, acted, { nowMs: 1_000, baseMs: 0 })
  noteEffect(history, acted, { nowMs: 1_000, helped: false })
  pruneHistory(history, week + 1_000)
  expect([history.brakes.size, history.serviceLastMs.size, history.ineffectiveMs.size]).toEqual([
    1, 1, 1,
  ])
  pruneHistory(history, week + 1_001)
  expect([history.brakes.size, history.serviceLastMs.size, history.ineffectiveMs.size]).toEqual([
    0, 0, 0,
  ])
})

test('one success starts the doubling over; an attempt nobody ordered leaves no brake', () => {
  const history = newHistory()
  noteEffect(history, acted, { nowMs: 5, helped: false })
  expect(coolUntilMs(history, acted, GUARD_DEFAULTS)).toBeNull()
  expect(ineffectiveAttempts(history, acted, { nowMs: 5, spanMs: 100 })).toEqual([5])
  noteAction(history, acted, { nowMs: 7, baseMs: 1_000 })
  expect(coolUntilMs(history, acted, GUARD_DEFAULTS)).toBe(1_007)
  noteEffect(history, acted, { nowMs: 8, helped: true })
  expect(ineffectiveAttempts(history, acted, { nowMs: 9, spanMs: 100 })).toEqual([5])
  expect(coolUntilMs(history, acted, GUARD_DEFAULTS)).toBe(1_007)
})

test('the wait doubles with each attempt and meets the ceiling exactly', () => {
  const limits = { ...GUARD_DEFAULTS, cooldownMaxMs: 1_500 }
  const history = newHistory()
  const waits: (number | null)[] = []
  for (let i = 0; i < 4; i++) {
    noteAction(history, acted, { nowMs: 0, baseMs: 500 })
    waits.push(coolUntilMs(history, acted, limits))
    noteEffect(history, acted, { nowMs: 0, helped: false })
  }
  expect(waits).toEqual([500, 1_000, 1_500, 1_500])
})

test('attempts that are older than the span are not kept', () => {
  const history = newHistory()
  noteEffect(history, acted, { nowMs: 10, helped: false })
  noteEffect(history, acted, { nowMs: 20, helped: false })
  ineffectiveAttempts(history, acted, { nowMs: 110, spanMs: 100 })
  expect([...history.ineffectiveMs.values()]).toEqual([[20]])
  ineffectiveAttempts(history, acted, { nowMs: 120, spanMs: 100 })
  expect(history.ineffectiveMs.size).toBe(0)
})

test('what was done goes on in an image', () => {
  const history = newHistory()
  noteAction(history, acted, { nowMs: 1_000, baseMs: 500 })
  noteEffect(history, acted, { nowMs: 2_000, helped: false })
  nextSeq(history, 'agent-a')
  const from = new ImageReader(saved((to) => saveHistory(history, to)))
  expect(loadHistory(from)).toEqual(history)
  from.end()
})
