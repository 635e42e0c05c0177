// Refusals of connections, before and after the brokers have taken us.
import { expect, test } from 'vitest'
import { Patience } from '../../../src/adapters/kafka/patience.ts'
import type { Transport } from '../../../src/adapters/client/protocol.ts'
import { LogError, type LogErrorCode } from '../../../src/runtime/log-error.ts'

let refusal: LogErrorCode | null = null
const peer: Transport = () =>
  refusal === null
    ? Promise.resolve({ clusterId: 'c' } as never)
    : Promise.reject(new LogError(refusal, 'its certificate has expired'))
const LIMITS = { timeoutMs: 1 }

// One broker came back with the certificate of last year, and every task of every worker stopped
// and waited for a person, also when the broker had been mended a minute later.
test('who was taken once is not stopped by a refusal, and is told the reason', async () => {
  const patience = new Patience()
  const endures = patience.enduring(peer)
  const watches = patience.watching(peer)
  refusal = 'NOT_AUTHORIZED'
  // Never taken: wrong from the start, and told so.
  const refused = { code: 'NOT_AUTHORIZED' }
  await expect(endures('describeCluster', {}, LIMITS)).rejects.toMatchObject(refused)
  refusal = null
  await watches('describeCluster', {}, LIMITS)
  refusal = 'NOT_AUTHORIZED'
  await expect(endures('describeCluster', {}, LIMITS)).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('certificate has expired'),
  })
  await expect(watches('describeCluster', {}, LIMITS)).rejects.toMatchObject(refused)
  refusal = 'CLOSED'
  await expect(endures('describeCluster', {}, LIMITS)).rejects.toMatchObject({ code: 'CLOSED' })
  refusal = null
  expect(await endures('describeCluster', {}, LIMITS)).toEqual({ clusterId: 'c' })
})
