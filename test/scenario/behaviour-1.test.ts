// Behaviour 1 stays in the binary: under it every script gives, byte for byte, what it gave when
// behaviour 1 was the latest. The hashes were taken then; a change here is a change of history and
// needs a number of its own.
import { createHash } from 'node:crypto'
import { beforeAll, expect, test } from 'vitest'
import type { Serde } from '../../src/adapters/serde/serde.ts'
import { canonical } from '../../src/core/kernel/canonical.ts'
import { testSerde } from '../support/core-driver.ts'
import { readScript, readText, run, scripts } from './scripts.ts'

const FILE = 'behaviour-1.txt'
const recorded = new Map(
  readText(FILE)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(' ') as [string, string]),
)

let serde: Serde
beforeAll(async () => {
  serde = await testSerde()
})

/** Log time, topic, key and body of everything that was written. */
function hashOf(name: string): string {
  const { driver } = run(readScript(name), serde, { behaviour: 1 })
  return createHash('sha256').update(canonical(driver.written)).digest('hex')
}

test.each([...recorded])('%s gives the bytes of behaviour 1', (name, hash) => {
  expect(scripts).toContain(name)
  expect(hashOf(name)).toBe(hash)
})

test('as many scripts as there were', () => {
  expect(recorded.size).toBe(25)
})
