// What an agent writes into the environment is what the service reads from it.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { intakeEnv, intakeFromEnv } from '../../../src/runtime/agent/intake-env.ts'
import { folderToken, tokenFileOf } from '../../../src/runtime/agent/intake-token.ts'

test('there and back, without the token itself in the environment', () => {
  const folder = mkdtempSync(join(tmpdir(), 'healstream-env-'))
  try {
    const token = folderToken(folder)
    const who = { host: '127.0.0.1', port: 7_000, service: 'stock', instance: 'stock-1' }
    const env = intakeEnv({ ...who, tokenFile: tokenFileOf(folder) })
    expect(JSON.stringify(env)).not.toContain(token)
    expect(intakeFromEnv(env, 8_081)).toEqual({ ...who, token, servicePort: 8_081 })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test.each([{}, { HEALSTREAM_INTAKE: 'here' }, { HEALSTREAM_INTAKE: '127.0.0.1:1' }])(
  'any other environment is told: %j',
  (env) => {
    expect(() => intakeFromEnv(env, 1)).toThrow('HEALSTREAM_INTAKE is not set as an agent sets it')
  },
)
