// Run files of living, killed and garbled runs; nothing of a stranger may be removed on a run
// file's word.
import { spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { processStart } from '../../src/runtime/agent/proc.ts'
import { findConnection } from '../../src/cli/connection.ts'
import { claimRun, liveRuns, runFolder, TEMP_PREFIX } from '../../src/runtime/run-file.ts'

let base = ''
let folder = ''
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'healstream-runs-'))
  folder = runFolder({ XDG_RUNTIME_DIR: base })
})
afterEach(() => rmSync(base, { recursive: true, force: true }))

const env = () => ({ XDG_RUNTIME_DIR: base })

/** A process id that was alive a moment ago and is not any more. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', ''])
  await new Promise((resolve) => child.once('exit', resolve))
  return child.pid ?? 0
}

test('a run is found by its file, with a token for its user only; then both are gone', () => {
  const run = claimRun(folder, 1000, null)
  expect(liveRuns(folder)).toMatchObject([{ pid: process.pid, url: null }])
  run.publish('http://127.0.0.1:4711')
  expect(statSync(folder).mode & 0o777).toBe(0o700)
  expect(statSync(run.tokenFile).mode & 0o777).toBe(0o600)
  expect(readFileSync(run.tokenFile, 'utf8').trim()).toBe(run.token)
  const found = findConnection({}, env())
  expect([found.url.href, found.token]).toEqual(['http://127.0.0.1:4711/', run.token])
  run.remove()
  run.remove()
  expect(() => findConnection({}, env())).toThrow(/no running healstream found/)
})

function plant(info: object, name: string) {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${name}.json`), JSON.stringify(info))
  writeFileSync(join(folder, `${name}.token`), 'old\n')
}

const stale = (pid: number, temp: string | null, start: string | null = null) => ({
  pid,
  process_start: start,
  started_at_ms: 1,
  url: 'http://127.0.0.1:1',
  token_file: join(folder, `${pid}.token`),
  temp_folder: temp,
})

test('what a killed run left is recognised and removed, its temporary folder too', async () => {
  const pid = await deadPid()
  const temp = mkdtempSync(join(tmpdir(), TEMP_PREFIX))
  plant(stale(pid, temp), String(pid))
  expect(liveRuns(folder)).toEqual([])
  expect(existsSync(temp)).toBe(false)
  expect(existsSync(join(folder, `${pid}.json`))).toBe(false)
  expect(existsSync(join(folder, `${pid}.token`))).toBe(false)
})

test('a reused process id is not taken for the run that had it', () => {
  if (processStart(process.pid) === null) return
  plant(stale(process.pid, null, '1'), String(process.pid))
  expect(liveRuns(folder)).toEqual([])
})

test('a run file cannot make us remove a folder that is not a demo’s', async () => {
  const pid = await deadPid()
  const precious = join(base, `${TEMP_PREFIX}x`)
  mkdirSync(precious)
  for (const temp of [precious, base, join(tmpdir(), TEMP_PREFIX, '..', '..')]) {
    plant(stale(pid, temp), String(pid))
    expect(liveRuns(folder)).toEqual([])
    expect(existsSync(precious)).toBe(true)
  }
})

test('garbage in a run file is swept, not believed', () => {
  mkdirSync(folder, { recursive: true })
  for (const text of ['', '{', 'null', '{"pid":"x"}', JSON.stringify({ pid: process.pid })])
    writeFileSync(join(folder, '77.json'), text)
  expect(liveRuns(folder)).toEqual([])
})
