// Behaviour 1 stays in the binary: under it every script gives, byte for byte, what it gave when
// behaviour 1 was the latest. The hashes were taken then; a change here is a change of history and
// needs a number of its own. HASH_NEW=1 adds the scripts that are not there yet, and touches none.
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { beforeAll, expect, test } from 'vitest'
import type { Serde } from '../../src/adapters/serde/serde.ts'
import { canonical } from '../../src/core/kernel/canonical.ts'
import { testSerde } from '../support/core-driver.ts'
import { HERE, readScript, readText, run, scripts } from './scripts.ts'

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

test.each(scripts)('%s gives the bytes of behaviour 1', (name) => {
  const hash = hashOf(name)
  if (process.env['HASH_NEW'] === '1' && !recorded.has(name)) recorded.set(name, hash)
  expect(hash).toBe(recorded.get(name))
})

test('every script has its hash', () => {
  const lines = [...recorded].sort().map((line) => `${line.join(' ')}\n`)
  if (process.env['HASH_NEW'] === '1') writeFileSync(HERE + FILE, lines.join(''))
  expect([...recorded.keys()].sort()).toEqual(scripts)
})
