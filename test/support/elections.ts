// One partition with replicas that an election may choose from although they lack what others have
// (unclean): who leads keeps its log, the others take it over when they follow. Leader epochs as
// Kafka keeps them; answers only what a reader asks. No code of the product but the batches' bytes.
import { crc32c } from '../../src/adapters/client/crc32c.ts'
import type { ErrorCode } from '../../src/adapters/client/error-codes.ts'
import { LogClient } from '../../src/adapters/client/log-client.ts'
import type {
  EpochQuestion,
  FetchPartition,
  Handlers,
  RequestOf,
  Transport,
} from '../../src/adapters/client/protocol.ts'
import type { Clock, LogPort, LogReader } from '../../src/runtime/ports.ts'
import { FIELD } from '../../src/runtime/record-batch.ts'
import { encodeBatch, stampBatch } from '../../src/runtime/record-batch-encode.ts'

export interface Written {
  readonly epoch: number
  readonly text: string
}

interface Replica {
  records: Written[]
  /** Where each epoch begins, as a broker remembers it. */
  epochs: { readonly epoch: number; readonly from: number }[]
}

const REFUSED = { chunks: [], aborted: [], endOffset: -1, heldBack: false, logStartOffset: -1 }
const UNDEFINED = { epoch: -1, endOffset: -1 }
export const AT = { topic: 't', partition: 0 }

export class Elections {
  readonly replicas: readonly Replica[]
  readonly asked: string[] = []
  compacted = false
  leader = 0
  epoch = 0
  #old: { readonly node: number; readonly leaderEpoch: number } | null = null
  #oldTimes = 0

  constructor(replicas: number) {
    this.replicas = Array.from({ length: replicas }, () => ({ records: [], epochs: [] }))
    this.elect(0)
  }

  get log(): readonly Written[] {
    return this.#of(this.leader).records
  }

  /** Clean or not: the log is what this replica has. */
  elect(node: number): void {
    this.leader = node
    this.epoch++
    const { records, epochs } = this.#of(node)
    epochs.push({ epoch: this.epoch, from: records.length })
  }

  /** Who asks for the leader is told of the one there is now, so many times, whoever is elected. */
  tellOld(times: number): void {
    this.#old = { node: this.leader, leaderEpoch: this.epoch }
    this.#oldTimes = times
  }

  write(...texts: readonly string[]): void {
    for (const text of texts) this.#of(this.leader).records.push({ epoch: this.epoch, text })
  }

  /** The replica has what the leader has, up to `to`. */
  follow(node: number, to: number = this.log.length): void {
    if (node === this.leader) return
    const { records, epochs } = this.#of(this.leader)
    const mine = this.#of(node)
    mine.records = records.slice(0, to)
    // A follower hears of an epoch with its first record.
    mine.epochs = epochs.filter(({ epoch }) => mine.records.some((one) => one.epoch === epoch))
  }

  /** Of a client of its own. */
  reader(clock: Clock): LogReader {
    return this.client(clock).reader({ isolation: 'read_committed' })
  }

  client(clock: Clock): LogPort {
    const transport: Transport = async (api, request) => {
      const answer = this.#handlers(clock)[api]
      if (answer === undefined) throw new Error(`${api} is not for this test`)
      return await answer(request)
    }
    const connect = () => ({ transport, clock, crc32c })
    return new LogClient({ name: 'memory', connect })
  }

  #of(node: number): Replica {
    const replica = this.replicas[node]
    if (replica === undefined) throw new RangeError(`no replica ${node}`)
    return replica
  }

  #handlers(clock: Clock): Partial<Handlers> {
    const config = {
      'max.message.bytes': '100000',
      'cleanup.policy': this.compacted ? 'compact' : 'delete',
    }
    const leader = { node: this.leader, leaderEpoch: this.epoch }
    return {
      describeTopics: () => ({ topics: [{ topic: 't', partitions: 1, config }] }),
      locate: ({ partitions }) => {
        const told = this.#oldTimes-- > 0 && this.#old !== null ? this.#old : leader
        return { partitions: partitions.map(() => ({ error: 'NONE', ...told })) }
      },
      listOffsets: ({ at }) => {
        return { partitions: [{ error: 'NONE', offset: at === 'latest' ? this.log.length : 0 }] }
      },
      epochEnds: ({ node, partitions }) => ({
        partitions: partitions.map((question) => ({ ...AT, ...this.#epochEnd(node, question) })),
      }),
      fetch: async (request) => {
        const [at] = request.partitions
        if (at === undefined) return { partitions: [] }
        const { error, chunks } = this.#fetched(request, at)
        if (error === 'NONE' && chunks.length === 0) await clock.sleep(request.maxWaitMs)
        return { partitions: [{ ...AT, ...this.#fetched(request, at) }] }
      },
    }
  }

  #refusal(node: number, leaderEpoch: number): ErrorCode {
    if (node !== this.leader) return 'NOT_LEADER_OR_FOLLOWER'
    if (leaderEpoch >= 0 && leaderEpoch < this.epoch) return 'FENCED_LEADER_EPOCH'
    return leaderEpoch > this.epoch ? 'UNKNOWN_LEADER_EPOCH' : 'NONE'
  }

  #epochEnd(node: number, { leaderEpoch, epoch }: EpochQuestion) {
    const error = this.#refusal(node, leaderEpoch)
    this.asked.push(`${epoch}@${leaderEpoch}`)
    if (error !== 'NONE') return { error, ...UNDEFINED }
    const { epochs } = this.#of(node)
    const higher = epochs.find((one) => one.epoch > epoch)
    const floor = epochs.findLast((one) => one.epoch <= epoch)
    if (floor === undefined && higher === undefined) return { error, ...UNDEFINED }
    const endOffset = higher?.from ?? this.log.length
    return { error, epoch: floor?.epoch ?? epoch, endOffset }
  }

  #fetched({ node }: RequestOf<'fetch'>, { offset, leaderEpoch }: FetchPartition) {
    const error = this.#refusal(node, leaderEpoch)
    if (error !== 'NONE') return { error, ...REFUSED }
    const endOffset = this.log.length
    if (offset > endOffset) return { ...REFUSED, error: 'OFFSET_OUT_OF_RANGE' as const }
    const chunks = this.log.slice(offset).map((record, i) => batchOf(record, offset + i))
    return { ...REFUSED, error, chunks, endOffset, logStartOffset: 0 }
  }
}

function batchOf({ epoch, text }: Written, baseOffset: number): Uint8Array {
  const value = new TextEncoder().encode(text)
  const bytes = encodeBatch([{ key: null, value, timestampMs: 1 }], {}, crc32c)
  stampBatch(bytes, { baseOffset, appendTimeMs: null }, crc32c)
  new DataView(bytes.buffer).setInt32(FIELD.leaderEpoch, epoch)
  return bytes
}
