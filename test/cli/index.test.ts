// The public SDK through the package's own name, as somebody else would import it.
import { expect, test } from 'vitest'

test('the package exports what it promises, and a service can count with it', async () => {
  const sdk = await import('healstream')
  expect(Object.keys(sdk).sort()).toEqual([
    'HsError',
    'IntakeClient',
    'LogError',
    'intakeFromEnv',
    'parsePolicy',
    'policyJsonSchema',
  ])
  const intake = new sdk.IntakeClient({
    host: '127.0.0.1',
    port: 9,
    token: 't',
    service: 'shop',
    instance: 'shop-1',
    servicePort: 8_000,
  })
  // Nobody listens: it must neither throw nor keep the process alive.
  intake.record({ operation: 'GET /buy', ok: true, latencyUs: 2_500 })
  intake.close()
  expect(sdk.parsePolicy({ kind: 'HealPolicy' })).toMatchObject({ ok: false })
})
