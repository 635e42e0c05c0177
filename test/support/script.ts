// Answers of the log out of a script: the next request of a kind is refused, carried out and
// answered with an error all the same, or never answered. Everything that is asked is written down.
import {
  type Api,
  type CallLimits,
  type Handlers,
  partitionKey,
  type ProducedPartition,
  type RequestOf,
  type ResponseOf,
  type Transport,
} from '../../src/adapters/client/protocol.ts'
import type { ErrorCode } from '../../src/adapters/client/error-codes.ts'
import type { TopicPartition } from '../../src/runtime/ports.ts'

type Scripted = 'produce' | 'endTxn' | 'addPartitionsToTxn' | 'initProducerId'

/** `refused`: not carried out. `done`: carried out. Without an error there is no answer at all. */
export interface Line {
  readonly api: Scripted
  readonly fate: 'refused' | 'done'
  readonly error?: ErrorCode
  /** Of a Produce: only this partition; the others are served. */
  readonly only?: string
  /** So many requests; default 1. */
  readonly times?: number
}

export interface Said {
  readonly api: Api
  readonly partitions: readonly string[]
  readonly answer: readonly ErrorCode[]
}

const never = <T>(): Promise<T> => new Promise(() => undefined)

export class Script {
  #lines: { readonly line: Line; left: number }[] = []
  readonly said: Said[] = []

  play(...lines: readonly Line[]): void {
    this.#lines.push(...lines.map((line) => ({ line, left: line.times ?? 1 })))
  }

  clear(): void {
    this.#lines = []
    this.said.length = 0
  }

  /** Requests of a kind, each as its partitions and the answer about them. */
  of(api: Api): string[] {
    return this.said
      .filter((one) => one.api === api)
      .map(({ partitions, answer }) => [...partitions, ...answer].join(' '))
  }

  readonly wrap: (inner: Transport) => Transport = (inner) => {
    return <K extends Api>(
      api: K,
      request: RequestOf<K>,
      limits: CallLimits,
    ): Promise<ResponseOf<K>> => {
      const own: Partial<Handlers>[K] = this.#handlers(inner, limits)[api]
      return own === undefined ? inner(api, request, limits) : Promise.resolve(own(request))
    }
  }

  #handlers(inner: Transport, limits: CallLimits): Partial<Handlers> {
    return {
      produce: (request) => this.#produce(inner, request, limits),
      endTxn: (request) =>
        this.#simple(
          'endTxn',
          () => inner('endTxn', request, limits),
          (error) => ({ error }),
        ),
      addPartitionsToTxn: (request) =>
        this.#simple(
          'addPartitionsToTxn',
          () => inner('addPartitionsToTxn', request, limits),
          (error) => ({ error }),
        ),
      initProducerId: (request) =>
        this.#simple(
          'initProducerId',
          () => inner('initProducerId', request, limits),
          (error) => ({ error, producerId: -1, producerEpoch: -1 }),
        ),
      locate: (request) => {
        this.#note('locate', request.partitions, [])
        return inner('locate', request, limits)
      },
    }
  }

  #take(api: Scripted, partitions: readonly TopicPartition[] = []): Line | null {
    const found = this.#lines.find(
      ({ line }) =>
        line.api === api &&
        (line.only === undefined || partitions.some((at) => partitionKey(at) === line.only)),
    )
    if (found === undefined) return null
    found.left--
    if (found.left === 0) this.#lines = this.#lines.filter((other) => other !== found)
    return found.line
  }

  #note(api: Api, partitions: readonly TopicPartition[], answer: readonly ErrorCode[]): void {
    this.said.push({ api, partitions: partitions.map(partitionKey), answer })
  }

  async #simple<T extends { readonly error: ErrorCode }>(
    api: Scripted,
    carry: () => Promise<T>,
    failed: (error: ErrorCode) => T,
  ): Promise<T> {
    const line = this.#take(api)
    if (line === null) {
      const answer = await carry()
      this.#note(api, [], [answer.error])
      return answer
    }
    if (line.fate === 'done') await carry()
    this.#note(api, [], line.error === undefined ? [] : [line.error])
    return line.error === undefined ? await never() : failed(line.error)
  }

  async #produce(
    inner: Transport,
    request: RequestOf<'produce'>,
    limits: CallLimits,
  ): Promise<ResponseOf<'produce'>> {
    const line = this.#take('produce', request.partitions)
    const isStruck = (at: TopicPartition): boolean =>
      line !== null && (line.only === undefined || line.only === partitionKey(at))
    const served = request.partitions.filter((at) => !isStruck(at) || line?.fate === 'done')
    const answer =
      served.length > 0
        ? await inner('produce', { ...request, partitions: served }, limits)
        : { partitions: [] }
    const partitions = request.partitions.flatMap((at): ProducedPartition[] => {
      if (!isStruck(at))
        return answer.partitions.filter((one) => partitionKey(one) === partitionKey(at))
      if (line?.error === undefined) return []
      const { topic, partition } = at
      return [{ topic, partition, error: line.error, baseOffset: -1, appendMs: null }]
    })
    const errors = partitions.map(({ error }) => error)
    this.#note('produce', request.partitions, errors)
    return line !== null && line.error === undefined && line.only === undefined
      ? await never()
      : { partitions }
  }
}
