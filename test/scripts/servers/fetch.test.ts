// Fetching: whole or not at all, tried twice, said in words. Maven here is a script that fails in
// the way the test is about.
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { fetchKafka, kafkaFolder } from '../../../scripts/lib/servers/fetch.mjs'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'healstream-fetch-'))
  mkdirSync(join(folder, 'bin'))
  vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'))
  vi.stubEnv('PATH', `${folder}/bin:${process.env['PATH']}`)
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

/** What the script does with `$out`, the folder it has to fill. */
function maven(body: string): void {
  const path = join(folder, 'bin', 'mvn')
  const find = 'for a in "$@"; do case $a in -DoutputDirectory=*) out=${a#*=} ;; esac; done'
  writeFileSync(path, `#!/bin/sh\n${find}\necho try >> ${folder}/tries\n${body}\n`)
  chmodSync(path, 0o755)
}
const fetched = (): readonly string[] => readdirSync(join(folder, 'cache', 'healstream', 'kafka'))
const tries = async (): Promise<number> => {
  const { readFileSync } = await import('node:fs')
  return readFileSync(`${folder}/tries`, 'utf8').trim().split('\n').length
}

test('a try that fails leaves nothing, and a second one may be good', async () => {
  maven(`touch "$out/half.jar"; [ "$(wc -l < ${folder}/tries)" -gt 1 ] || exit 1`)
  const said: string[] = []
  const target = await fetchKafka('4.1.1', (line: string) => said.push(line))
  expect(target).toBe(kafkaFolder('4.1.1'))
  expect([fetched(), readdirSync(target), await tries()]).toEqual([['4.1.1'], ['half.jar'], 2])
  expect(said.join('\n')).toContain('attempt 2 of 2')
})

test('what is there is not fetched again', async () => {
  maven('touch "$out/a.jar"')
  await fetchKafka('4.1.1', () => {})
  await fetchKafka('4.1.1', () => {})
  expect(await tries()).toBe(1)
})

test('twice in vain: the words of Maven and what to do', async () => {
  maven('echo "[ERROR] Could not transfer artifact"; exit 1')
  const failed = fetchKafka('4.1.1', () => {})
  await expect(failed).rejects.toMatchObject({ exitCode: 3 })
  await expect(failed).rejects.toThrow(/Could not transfer artifact[^]*Maven Central/)
  expect([fetched(), await tries()]).toEqual([[], 2])
})

test('two at once: both get a whole folder', async () => {
  maven('sleep 0.2; touch "$out/a.jar"')
  const both = await Promise.all([fetchKafka('4.1.1', () => {}), fetchKafka('4.1.1', () => {})])
  expect(both).toEqual([kafkaFolder('4.1.1'), kafkaFolder('4.1.1')])
  expect(fetched()).toEqual(['4.1.1'])
})
