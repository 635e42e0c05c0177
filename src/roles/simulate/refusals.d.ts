import type { ErrorCode } from '../../adapters/client/error-codes.ts'
import type { Api, RequestOf, ResponseOf } from '../../adapters/client/protocol.ts'
/** null: nobody in particular answers such a request. */
export declare function refusalOf<K extends Api>(
  api: K,
  request: RequestOf<K>,
  coordinator: ErrorCode,
): ResponseOf<K> | null
