// Nothing leaves a worker that cannot prove its ownership.
import { expect, test } from 'vitest'
import type { TransactionalWriter } from '../../src/runtime/ports.ts'
import { ProvenWriter } from '../../src/runtime/proven-writer.ts'

test('fence, renew and commit are refused while nothing is proven; closing is not', async () => {
  const sent: string[] = []
  const inner: TransactionalWriter = {
    fence: async () => void sent.push('fence'),
    renew: async () => void sent.push('renew'),
    commit: async () => {
      sent.push('commit')
      return []
    },
    close: async () => void sent.push('close'),
  }
  let isProven = false
  const writer = new ProvenWriter(inner, () => isProven)
  const lost = { code: 'MEMBER_LOST' }
  await expect(writer.fence()).rejects.toMatchObject(lost)
  await expect(writer.renew()).rejects.toMatchObject(lost)
  await expect(writer.commit([])).rejects.toMatchObject(lost)
  await writer.close()
  isProven = true
  await writer.fence()
  await writer.renew()
  await writer.commit([])
  expect(sent).toEqual(['close', 'fence', 'renew', 'commit'])
})
