// What a broker answers that does not lead a partition, or coordinate a group or a transaction,
// any more, or not yet.
import type { ErrorCode } from '../../adapters/client/error-codes.ts'
import type { Api, RequestOf, ResponseOf } from '../../adapters/client/protocol.ts'

type Refusals = {
  readonly [K in Api]?: (request: RequestOf<K>, coordinator: ErrorCode) => ResponseOf<K>
}

const MOVED = 'NOT_LEADER_OR_FOLLOWER'
const NOTHING = { chunks: [], aborted: [], endOffset: -1, heldBack: false, logStartOffset: -1 }

const REFUSALS: Refusals = {
  fetch: ({ partitions }) => ({
    partitions: partitions.map(({ topic, partition }) => {
      return { topic, partition, error: MOVED, ...NOTHING }
    }),
  }),
  produce: ({ partitions }) => ({
    partitions: partitions.map(({ topic, partition }) => {
      return { topic, partition, error: MOVED, baseOffset: -1, appendMs: null }
    }),
  }),
  listOffsets: ({ partitions }) => ({
    partitions: partitions.map(() => ({ error: MOVED, offset: -1 })),
  }),
  initProducerId: (_, error) => ({ error, producerId: -1, producerEpoch: -1 }),
  addPartitionsToTxn: (_, error) => ({ error }),
  endTxn: (_, error) => ({ error }),
  joinGroup: ({ memberId }, error) => {
    return { error, memberId, generation: -1, leader: '', members: [] }
  },
  syncGroup: (_, error) => ({ error, assignment: new Uint8Array(0) }),
  heartbeat: (_, error) => ({ error }),
  leaveGroup: (_, error) => ({ error }),
}

/** null: nobody in particular answers such a request. */
export function refusalOf<K extends Api>(
  api: K,
  request: RequestOf<K>,
  coordinator: ErrorCode,
): ResponseOf<K> | null {
  const refuse: Refusals[K] = REFUSALS[api]
  return refuse === undefined ? null : refuse(request, coordinator)
}
