// The token is kept where only its owner can read it.
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  folderToken,
  readTokenFile,
  TOKEN_ENV,
  TOKEN_FILE_ENV,
  tokenFromEnv,
} from '../../../src/runtime/agent/intake-token.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'healstream-token-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

test('made once, kept, long, and for its owner only', () => {
  const token = folderToken(folder)
  expect(token).toMatch(/^[A-Za-z0-9_-]{32}$/)
  expect(folderToken(folder)).toBe(token)
  expect(statSync(join(folder, 'intake-token')).mode & 0o777).toBe(0o600)
})

test('a file that others can read is refused', () => {
  folderToken(folder)
  chmodSync(join(folder, 'intake-token'), 0o644)
  expect(() => folderToken(folder)).toThrow('can be read by others')
})

test('a service takes it from the environment or from the file that the environment names', () => {
  const path = join(folder, 'token')
  writeFileSync(path, 'abc\n', { mode: 0o600 })
  expect(readTokenFile(path)).toBe('abc')
  expect(tokenFromEnv({ [TOKEN_FILE_ENV]: path })).toBe('abc')
  expect(tokenFromEnv({ [TOKEN_FILE_ENV]: path, [TOKEN_ENV]: 'direct' })).toBe('direct')
  expect(tokenFromEnv({})).toBe('')
  writeFileSync(path, '\n', { mode: 0o600 })
  expect(() => readTokenFile(path)).toThrow('holds no token')
})
