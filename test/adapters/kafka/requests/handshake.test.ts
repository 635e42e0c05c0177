// ApiVersions and FindCoordinator, against kafkajs' codecs.
import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { ByteWriter, MalformedAnswer } from '../../../../src/adapters/kafka/requests/bytes.ts'
import {
  apiVersionsRequest,
  findCoordinatorRequest,
} from '../../../../src/adapters/kafka/requests/handshake.ts'

const load = createRequire(import.meta.url)
const encoded = async (path: string, args: object): Promise<string> => {
  const { encode } = load(`kafkajs/src/protocol/requests/${path}/v2/request`)(args)
  return (await encode()).buffer.toString('hex')
}
const hex = async (request: { encode(): Buffer | Promise<Buffer> }): Promise<string> =>
  (await request.encode()).toString('hex')

describe('ApiVersions', () => {
  it('is asked as kafkajs asks it', async () => {
    expect(await hex(apiVersionsRequest())).toBe(await encoded('apiVersions', {}))
  })

  it('is read: the range of every API', async () => {
    const body = new ByteWriter().int16(0)
    body.array([[3, 0, 13] as const, [18, 1, 4] as const], ([key, min, max]) => {
      body.int16(key).int16(min).int16(max)
    })
    const { error, ranges } = await apiVersionsRequest().decode(body.int32(0).finish())
    expect([error, ranges.get(3), ranges.get(18), ranges.get(4)]).toEqual([
      'NONE',
      { minVersion: 0, maxVersion: 13 },
      { minVersion: 1, maxVersion: 4 },
      undefined,
    ])
  })

  // KIP-511: what a broker does that does not speak the version.
  it('is read in the words of a broker of before', async () => {
    const body = new ByteWriter().int16(35)
    body.array([18], (key) => body.int16(key).int16(0).int16(1))
    expect(await apiVersionsRequest().decode(body.finish())).toMatchObject({
      error: 'UNSUPPORTED_VERSION',
    })
  })
})

describe('FindCoordinator', () => {
  it('is asked as kafkajs asks it', async () => {
    for (const [kind, coordinatorType] of [
      ['group', 0],
      ['transaction', 1],
    ] as const)
      expect(await hex(findCoordinatorRequest(kind, 'key é'))).toBe(
        await encoded('findCoordinator', { coordinatorKey: 'key é', coordinatorType }),
      )
  })

  it('is read, with the error by name; cut anywhere it is refused', async () => {
    const answer = new ByteWriter().int32(0).int16(16).string('moved').int32(7).string('h').int32(9)
    const bytes = answer.finish()
    const { decode } = findCoordinatorRequest('group', 'k')
    expect(await decode(bytes)).toEqual({ error: 'NOT_COORDINATOR', node: 7, host: 'h', port: 9 })
    for (let end = 0; end < bytes.length; end++)
      expect(() => decode(bytes.subarray(0, end))).toThrow(MalformedAnswer)
  })
})
