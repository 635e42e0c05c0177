// Names for the moments at which a worker can die, taken from what it asks the log: the product
// has no places of its own for that. A request has two: before it is sent, and after the log has
// carried it out and the worker does not know yet.
import type { Api, RequestOf } from '../../adapters/client/protocol.ts'
import { topicKind, type TopicKind } from '../../contracts/topics.ts'
import type { TopicPartition } from '../../runtime/ports.ts'

type Namers = { readonly [K in Api]: (request: RequestOf<K>) => string }

/** A request's name, and its two moments. */
export interface Step {
  readonly name: string
  readonly before: string
  readonly after: string
}

const JOURNALS: ReadonlySet<TopicKind> = new Set(['journal', 'fleet-journal'])
const IMAGES: ReadonlySet<TopicKind> = new Set([
  'snapshots',
  'checkpoints',
  'fleet-snapshots',
  'fleet-checkpoints',
])

/** Requests of a worker, of which each is a place to die before and after. */
export const REQUEST_NAMES = [
  'join',
  'sync',
  'heartbeat',
  'leave',
  'fence',
  'renew',
  'abort',
  'begin fence entry',
  'produce fence entry',
  'commit fence entry',
  'begin steps',
  'produce steps',
  'commit steps',
  'begin snapshot',
  'produce snapshot',
  'commit snapshot',
  'read journal',
  'read snapshot',
  'read inputs',
  'read telemetry',
  'find journal end',
  'find topics',
  'find leaders',
  'find cluster',
] as const

/** Events of a worker at which it can die too. */
const EVENT_NAMES = ['task_step', 'task_commit', 'task_restored', 'group_assigned'] as const

/** Their moments. */
export const EVENT_MOMENTS: ReadonlyMap<string, string> = new Map(
  EVENT_NAMES.map((name) => [name, `at ${name}`]),
)

/** What a worker of this process is doing with its transactional ids. */
export class StepNames {
  readonly #prefix: string
  /** Transactional ids that were taken and have not written yet. */
  readonly #fresh = new Set<string>()
  readonly #what = new Map<string, string>()
  readonly #kinds = new Map<string, TopicKind | null>()
  readonly #steps = new Map<string, Step>()
  readonly #namers: Namers

  constructor(prefix: string) {
    this.#prefix = prefix
    this.#namers = this.#table()
  }

  of<K extends Api>(api: K, request: RequestOf<K>): Step {
    const name = this.#namers[api](request)
    let step = this.#steps.get(name)
    if (step === undefined) {
      step = { name, before: `before ${name}`, after: `after ${name}` }
      this.#steps.set(name, step)
    }
    return step
  }

  #table(): Namers {
    return {
      describeCluster: () => 'find cluster',
      createTopics: () => 'create topics',
      describeTopics: () => 'find topics',
      deleteTopics: () => 'delete topics',
      deleteRecords: () => 'delete records',
      listOffsets: () => 'find journal end',
      locate: () => 'find leaders',
      epochEnds: () => 'find leaders',
      fetch: ({ partitions }) => this.#reading(partitions),
      produce: ({ transactionalId }) =>
        transactionalId === null ? 'produce' : `produce ${this.#writing(transactionalId)}`,
      initProducerId: ({ transactionalId, current }) => this.#taking(transactionalId, current),
      addPartitionsToTxn: ({ transactionalId, partitions }) => {
        const topics = partitions.map(({ topic }) => topic)
        this.#what.set(transactionalId, this.#begun(transactionalId, topics))
        return `begin ${this.#writing(transactionalId)}`
      },
      endTxn: ({ transactionalId, commit }) => {
        this.#fresh.delete(transactionalId)
        return commit ? `commit ${this.#writing(transactionalId)}` : 'abort'
      },
      joinGroup: () => 'join',
      syncGroup: () => 'sync',
      heartbeat: () => 'heartbeat',
      leaveGroup: () => 'leave',
      commitOffsets: () => 'save positions',
      fetchOffsets: () => 'find positions',
    }
  }

  #taking(transactionalId: string | null, current: object | null): string {
    if (transactionalId === null) return 'producer id'
    this.#fresh.add(transactionalId)
    return current === null ? 'fence' : 'renew'
  }

  #writing(transactionalId: string): string {
    return this.#what.get(transactionalId) ?? 'steps'
  }

  #begun(transactionalId: string, topics: readonly string[]): string {
    if (topics.some((topic) => this.#isImage(topic))) return 'snapshot'
    return this.#fresh.has(transactionalId) ? 'fence entry' : 'steps'
  }

  #reading(partitions: readonly TopicPartition[]): string {
    let isBulk = true
    for (const { topic } of partitions) {
      const kind = this.#kindOf(topic)
      if (kind !== null && JOURNALS.has(kind)) return 'read journal'
      if (kind !== null && IMAGES.has(kind)) return 'read snapshot'
      isBulk &&= kind === 'telemetry'
    }
    return isBulk ? 'read telemetry' : 'read inputs'
  }

  #isImage(topic: string): boolean {
    const kind = this.#kindOf(topic)
    return kind !== null && IMAGES.has(kind)
  }

  #kindOf(topic: string): TopicKind | null {
    let kind = this.#kinds.get(topic)
    if (kind === undefined) {
      kind = topicKind(topic, this.#prefix)
      this.#kinds.set(topic, kind)
    }
    return kind
  }
}
