// The page of faults is what the scripts say; what they name is there; none is missing.
import { expect, test } from 'vitest'
import { FILES } from '../tidy/tree.ts'
import { LISTED } from './list.ts'
import { faultsPage, proofProblem } from './page.ts'
import { isScript } from './script.ts'

const texts = new Map(FILES.map(({ path, text }) => [path, text]))

/** Each is here; others need parts that are not there yet. */
const WANTED = [
  1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 29, 30, 31,
  40, 42, 43, 44, 45, 47, 49, 51, 52, 53, 54, 57, 58, 59, 69,
]
const IN_CI = 6

test('planted: a proof that is not there', () => {
  const path = 'test/a.test.ts'
  const text = "describe('one', () => {\n  test('two', ok)\n})\n// 'three'\nconst a = 'four'\n"
  const files = new Map([
    [path, text],
    ['src/b.ts', "('two')"],
  ])
  expect(proofProblem(`${path} › one › two`, files)).toBeNull()
  expect(proofProblem(`${path} › two`, files)).toBeNull()
  for (const wrong of ['', ' › three', ' › four', ' › one › tw', ' › one › '])
    expect(proofProblem(`${path}${wrong}`, files), wrong).not.toBeNull()
  expect(proofProblem('test/b.test.ts › two', files)).not.toBeNull()
  expect(proofProblem('src/b.ts › two', files)).not.toBeNull()
})

test('every fault is there, once, and six run every time', () => {
  expect(LISTED.map(({ fault }) => fault.id)).toEqual(WANTED.map((number) => `F${number}`))
  const scripts = LISTED.flatMap(({ fault }) => (isScript(fault) ? [fault] : []))
  expect(scripts.filter(({ inCi }) => inCi === true)).toHaveLength(IN_CI)
})

test('tests that prove a fault exist', () => {
  const proofs = LISTED.flatMap(({ fault }) => fault.provenBy ?? [])
  expect(proofs.flatMap((proof) => proofProblem(proof, texts) ?? [])).toEqual([])
})

test('docs/faults.md is what the scripts say', async () => {
  await expect(faultsPage(LISTED)).toMatchFileSnapshot('../../docs/faults.md')
})
