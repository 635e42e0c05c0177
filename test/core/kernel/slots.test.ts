// Rows of numbers by slot: each its own, kept while the tables grow; a slot that is taken again
// says nothing of who had it before, and never seems to be his.
import { expect, test } from 'vitest'
import { HEARD_MS, LIFE, MARKS, SEEN_MS, Slots, SOURCE } from '../../../src/core/kernel/slots.ts'

test('rows keep what is written in them, each its own, while the tables grow', () => {
  const slots = new Slots()
  const taken = Array.from({ length: 300 }, () => slots.take())
  expect(new Set(taken).size).toBe(300)
  expect(taken).not.toContain(0)
  for (const slot of taken) {
    slots.setDouble(slot, SEEN_MS, 1_800_000_000_000 + slot)
    slots.setDouble(slot, HEARD_MS, -slot)
    slots.setWord(slot, SOURCE, -1 - slot)
  }
  const more = Array.from({ length: 1_000 }, () => slots.take())
  expect(more.some((slot) => taken.includes(slot))).toBe(false)
  for (const slot of taken) {
    expect(slots.double(slot, SEEN_MS)).toBe(1_800_000_000_000 + slot)
    expect(slots.double(slot, HEARD_MS)).toBe(-slot)
    expect(slots.word(slot, SOURCE)).toBe(-1 - slot)
  }
})

test('a slot that is taken again is empty, and its life another one', () => {
  const slots = new Slots()
  const slot = slots.take()
  slots.setDouble(slot, SEEN_MS, 7)
  slots.setWord(slot, SOURCE, 7)
  const lives = [slots.word(slot, LIFE)]
  slots.turn(slot)
  lives.push(slots.word(slot, LIFE))
  slots.give(slot)
  lives.push(slots.word(slot, LIFE))
  expect(slots.take()).toBe(slot)
  lives.push(slots.word(slot, LIFE))
  expect(new Set(lives).size).toBe(4)
  expect(slots.double(slot, SEEN_MS)).toBe(0)
  expect(slots.word(slot, SOURCE)).toBe(0)
  expect(() => slots.give(0)).toThrow('a slot that was taken')
  expect(() => slots.give(slot + 1)).toThrow('a slot that was taken')
})

test('marks are set and cleared without touching others', () => {
  const slots = new Slots()
  const slot = slots.take()
  slots.setMark(slot, 5, true)
  slots.setMark(slot, 2, true)
  slots.setMark(slot, 1, false)
  expect(slots.word(slot, MARKS)).toBe(6)
})
