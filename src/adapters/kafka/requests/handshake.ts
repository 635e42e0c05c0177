// What a connection and a cluster ask for themselves: the versions a broker speaks (ApiVersions 2)
// and the coordinator of a group or of a transactional id (FindCoordinator 2).
import { type ErrorCode, errorName } from '../../client/error-codes.ts'
import type { VersionRange } from '../vendor.ts'
import type { KafkaRequest } from '../wire.ts'
import { kafkaRequest } from './codec.ts'
import type { BrokerAddress } from './metadata.ts'

export interface SpokenVersions {
  readonly error: ErrorCode
  /** By API key. */
  readonly ranges: ReadonlyMap<number, VersionRange>
}

export function apiVersionsRequest(): KafkaRequest<SpokenVersions> {
  return kafkaRequest(
    { apiKey: 18, apiVersion: 2, apiName: 'ApiVersions' },
    () => undefined,
    (body) => {
      const error = errorName(body.int16())
      const ranges = body.array((): [number, VersionRange] => {
        const key = body.int16()
        return [key, { minVersion: body.int16(), maxVersion: body.int16() }]
      })
      // A broker that does not speak this version answers in version 0, without the throttle time.
      if (error !== 'UNSUPPORTED_VERSION') body.int32()
      return { error, ranges: new Map(ranges) }
    },
  )
}

export interface FoundCoordinator extends BrokerAddress {
  readonly error: ErrorCode
}

export function findCoordinatorRequest(
  kind: 'group' | 'transaction',
  key: string,
): KafkaRequest<FoundCoordinator> {
  return kafkaRequest(
    { apiKey: 10, apiVersion: 2, apiName: 'FindCoordinator' },
    (body) => {
      body.string(key).int8(kind === 'group' ? 0 : 1)
    },
    (body) => {
      body.int32() // throttle time
      const error = errorName(body.int16())
      body.nullableString() // error message
      return { error, node: body.int32(), host: body.string(), port: body.int32() }
    },
  )
}
