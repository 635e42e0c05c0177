// Which run a command talks to, and what it refuses to talk to.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findConnection } from '../../src/cli/connection.ts'
import { claimRun, runFolder } from '../../src/runtime/run-file.ts'

let base = ''
let folder = ''
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'healstream-runs-'))
  folder = runFolder({ XDG_RUNTIME_DIR: base })
})
afterEach(() => rmSync(base, { recursive: true, force: true }))

const env = () => ({ XDG_RUNTIME_DIR: base })

test('flag wins over environment, environment over run file', () => {
  const run = claimRun(folder, 1000, null)
  run.publish('http://127.0.0.1:4711')
  const named = {
    ...env(),
    HEALSTREAM_URL: 'http://127.0.0.1:2',
    HEALSTREAM_TOKEN_FILE: run.tokenFile,
  }
  expect(findConnection({ url: 'http://localhost:3' }, named).url.port).toBe('3')
  expect(findConnection({}, named)).toMatchObject({ origin: 'HEALSTREAM_URL', token: run.token })
  // The address of a known run finds its token by itself.
  expect(findConnection({ url: 'http://127.0.0.1:4711/' }, env()).token).toBe(run.token)
  run.remove()
})

test.each([
  ['http://example.com:80', 'not this machine'],
  ['https://127.0.0.1:1', 'expected http://127.0.0.1:PORT'],
  ['nonsense', 'expected http://127.0.0.1:PORT'],
])('the address %s is refused', (url, text) => {
  mkdirSync(folder, { recursive: true })
  const tokenFile = join(folder, 't')
  writeFileSync(tokenFile, 'x')
  expect(() => findConnection({ url, tokenFile }, env())).toThrow(text)
  // Without a token the address is still what is wrong.
  expect(() => findConnection({ url }, env())).toThrow(text)
})

test('a missing token and an unreadable token file are named', () => {
  expect(() => findConnection({ url: 'http://127.0.0.1:9' }, env())).toThrow(
    /no token file is known/,
  )
  const flags = { url: 'http://127.0.0.1:9', tokenFile: join(base, 'none') }
  expect(() => findConnection(flags, env())).toThrow(/cannot be read: ENOENT/)
})
