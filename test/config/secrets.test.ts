// Secrets come from files alone; what comes another way is refused without being repeated.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  isSecretField,
  readSecret,
  refuseSecretArguments,
  withoutUserInfo,
} from '../../src/config/secrets.ts'

test.each([
  ['worker', '--sasl-password', 'hunter2'],
  ['worker', '--sasl-password=hunter2'],
  ['--token=hunter2', 'get'],
  ['agent', '--registry-password=hunter2'],
  ['init', '--kafka_secret', 'hunter2'],
])('%j is refused, with the reason', (...argv) => {
  const act = (): void => refuseSecretArguments(argv)
  expect(act).toThrow('would put a secret among the arguments')
  expect(act).not.toThrow('hunter2')
})

test.each([
  ['get', 'services', '--token-file', '/x'],
  ['worker', '--sasl-password-file=/x'],
  ['policy', 'lint', '--', '--password'],
  ['tail', 'token'],
])('%j is fine', (...argv) => {
  expect(() => refuseSecretArguments(argv)).not.toThrow()
})

test('fields that would hold a secret', () => {
  for (const name of ['password', 'saslPassword', 'token', 'client_secret'])
    expect(isSecretField(name)).toBe(true)
  for (const name of ['passwordFile', 'tokenFile', 'username', 'tokens'])
    expect(isSecretField(name)).toBe(false)
})

test('a URL as it may be shown', () => {
  expect(withoutUserInfo('http://u:p@h/x')).toBe('http://[hidden]@h/x')
  expect(withoutUserInfo('http://u:p/q@r@h/x')).toBe('http://[hidden]@h/x')
  expect(withoutUserInfo('http://h/x')).toBe('http://h/x')
})

test('a secret file: one line break at its end is not part of it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'healstream-secret-'))
  const path = join(folder, 'p')
  try {
    writeFileSync(path, ' hunter 2 \r\n')
    expect(readSecret(path, 'x')).toBe(' hunter 2 ')
    writeFileSync(path, '\n')
    expect(() => readSecret(path, 'kafka.sasl.passwordFile')).toThrow(`${path} is empty`)
    rmSync(path)
    expect(() => readSecret(path, 'registry.passwordFile (environment X)')).toThrow(
      'registry.passwordFile (environment X): the file cannot be read: ENOENT',
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
