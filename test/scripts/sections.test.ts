// The plan of `./scripts/test`: it fits into the time continuous integration has, and what it names
// exists.
import { expect, test } from 'vitest'
import { OLDER_CASES } from '../../scripts/lib/kafka-sections.mjs'
import { SECTIONS } from '../../scripts/lib/sections.mjs'
import config from '../../vitest.config.ts'
import { CASES } from '../conformance/cases.ts'

const MINUTES = 25

test('all shares together fit', () => {
  const always = SECTIONS.filter((section) => section.full !== true)
  const seconds = always.reduce((sum, section) => sum + section.shareSeconds, 0)
  expect(seconds).toBeLessThanOrEqual(MINUTES * 60)
  expect(new Set(SECTIONS.map((section) => section.name)).size).toBe(SECTIONS.length)
})

// The journals of released behaviours were replayed by nothing for as long as their project was in
// no section.
test('every project of tests is in a section that always runs', () => {
  const ran = SECTIONS.filter((section) => section.full !== true).flatMap(
    ({ projects }) => projects ?? [],
  )
  const known = (config.test?.projects ?? []).flatMap((project) => {
    const name = typeof project === 'object' && 'test' in project ? project.test?.name : undefined
    return typeof name === 'string' ? [name] : []
  })
  expect(known.length).toBeGreaterThan(10)
  expect(ran.toSorted()).toEqual(known.toSorted())
})

test('real parts are fetched before what needs them', () => {
  const names = SECTIONS.map((section) => section.name)
  for (const name of ['runtime', 'edge', 'kafka', 'kafka-3.9', 'nemesis', 'demo-kafka']) {
    expect(names.indexOf('parts')).toBeLessThan(names.indexOf(name))
  }
})

test('the cases named for an older Kafka are cases', () => {
  const known = CASES.map((one) => one.id)
  expect(OLDER_CASES.filter((id) => !known.includes(id))).toEqual([])
  expect(new Set(OLDER_CASES).size).toBe(OLDER_CASES.length)
})
