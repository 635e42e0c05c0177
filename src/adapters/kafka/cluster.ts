// The cluster as all clients of a process see it. What is asked for here (metadata, coordinators)
// goes over connections of its own, so that no client's long poll is in the way; the lanes handed
// out have theirs.
import { HsError } from '../../contracts/failure.ts'
import { LogError } from '../../runtime/log-error.ts'
import type { Clock } from '../../runtime/ports.ts'
import type { Failure } from '../client/error-codes.ts'
import type { CallLimits } from '../client/protocol.ts'
import { within } from './deadline.ts'
import { type Dialing, type Directory, KafkaLane } from './lanes.ts'
import { MetadataCache } from './metadata-cache.ts'
import {
  type Address,
  addressText,
  DEFAULT_CLIENT_ID,
  DEFAULT_CONNECT_TIMEOUT_MS,
  type KafkaOptions,
  parseAddress,
} from './options.ts'
import { findCoordinatorRequest } from './requests/handshake.ts'
import { type ClusterMetadata, metadataRequest } from './requests/metadata.ts'
import { TlsFiles } from './security.ts'
import type { Cluster, KafkaRequest } from './wire.ts'

/** Of one request for all who wait; each of them has a deadline of its own. */
const SHARED_LIMITS: CallLimits = { timeoutMs: 3_000 }
/** Between two questions for the same coordinator. */
const COORDINATOR_INTERVAL_MS = 50

type CoordinatorKind = 'group' | 'transaction'

interface Seat {
  node: number | null
  /** Who was told of last. */
  before: number | null
  /** It was told of again after it had been forgotten. */
  isSuspect: boolean
  asking: Promise<number | Failure> | null
  lastAskedMs: number
}

/** Opens nothing yet. Errors: `HS_CONFIG` for a broker that is no `host:port`. */
export function createCluster(options: KafkaOptions): Cluster {
  if (options.brokers.length === 0) throw new HsError('HS_CONFIG', 'no broker is named')
  const dialing: Dialing = {
    clientId: options.clientId ?? DEFAULT_CLIENT_ID,
    connectTimeoutMs: options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
    tls: options.tls === undefined ? null : new TlsFiles(options.tls),
    sasl: options.sasl ?? null,
    clock: options.clock,
  }
  return new KafkaCluster(options.brokers.map(parseAddress), dialing)
}

class KafkaCluster implements Cluster, Directory {
  readonly #bootstrap: readonly Address[]
  readonly #dialing: Dialing
  readonly #clock: Clock
  readonly #lane: KafkaLane
  readonly #metadata: MetadataCache
  readonly #seats = new Map<string, Seat>()

  constructor(bootstrap: readonly Address[], dialing: Dialing) {
    this.#bootstrap = bootstrap
    this.#dialing = dialing
    this.#clock = dialing.clock
    this.#lane = new KafkaLane(this, dialing)
    this.#metadata = new MetadataCache(
      (topics, elsewhere) =>
        this.#lane.sendAny(this.#ours(metadataRequest(topics)), SHARED_LIMITS, elsewhere),
      dialing.clock,
    )
  }

  lane(): KafkaLane {
    return new KafkaLane(this, this.#dialing)
  }

  addressOf(node: number, limits: CallLimits): Promise<Address> {
    return this.#metadata.addressOf(node, limits)
  }

  /** The bootstrap list stays among them: all known brokers may have been replaced. */
  addresses(): readonly Address[] {
    const all = [...this.#metadata.addresses, ...this.#bootstrap]
    return [...new Map(all.map((address) => [addressText(address), address])).values()]
  }

  clusterId(limits: CallLimits): Promise<string> {
    return this.#metadata.clusterId(limits)
  }

  leaders(
    ...[partitions, limits]: Parameters<Cluster['leaders']>
  ): Promise<readonly (number | Failure)[]> {
    return this.#metadata.leaders(partitions, limits)
  }

  leaderEpoch(at: Parameters<Cluster['leaderEpoch']>[0]): number {
    return this.#metadata.leaderEpoch(at)
  }

  forgetLeader(at: Parameters<Cluster['forgetLeader']>[0]): void {
    this.#metadata.forgetLeader(at)
  }

  async coordinator(
    kind: CoordinatorKind,
    key: string,
    limits: CallLimits,
  ): Promise<number | Failure> {
    const seat = this.#seat(kind, key)
    if (seat.node !== null) return seat.node
    seat.asking ??= this.#askCoordinator(kind, key, seat).finally(() => {
      seat.asking = null
    })
    return await within(
      seat.asking,
      limits,
      () => new LogError('UNAVAILABLE', `the coordinator of the ${kind} was not told in time`),
    )
  }

  forgetCoordinator(kind: CoordinatorKind, key: string): void {
    this.#seat(kind, key).node = null
  }

  controller(limits: CallLimits): Promise<number | Failure> {
    return this.#metadata.controller(limits)
  }

  forgetController(): void {
    this.#metadata.forgetController()
  }

  close(): void {
    this.#lane.close()
  }

  /**
   * An address may have been given to a broker of another cluster, whose topics have the same
   * names. What that says is not read, and its connection given up.
   */
  #ours(request: KafkaRequest<ClusterMetadata>): KafkaRequest<ClusterMetadata> {
    return {
      ...request,
      decode: async (body) => {
        const answer = await request.decode(body)
        const known = this.#metadata.knownClusterId
        if (known === null || answer.clusterId === null || answer.clusterId === known) return answer
        throw new Error(`it is of cluster ${answer.clusterId}, not ${known}`)
      },
    }
  }

  #seat(kind: CoordinatorKind, key: string): Seat {
    const name = `${kind}/${key}`
    let seat = this.#seats.get(name)
    if (seat === undefined) {
      const lastAskedMs = Number.NEGATIVE_INFINITY
      seat = { node: null, before: null, isSuspect: false, asking: null, lastAskedMs }
      this.#seats.set(name, seat)
    }
    return seat
  }

  async #askCoordinator(kind: CoordinatorKind, key: string, seat: Seat): Promise<number | Failure> {
    const waitMs = seat.lastAskedMs + COORDINATOR_INTERVAL_MS - this.#clock.monotonicMs()
    if (waitMs > 0) await this.#clock.sleep(waitMs)
    seat.lastAskedMs = this.#clock.monotonicMs()
    const request = findCoordinatorRequest(kind, key)
    const found = await this.#lane.sendAny(request, SHARED_LIMITS, seat.isSuspect)
    if (found.error !== 'NONE') return found.error
    seat.isSuspect = found.node === seat.before
    seat.before = found.node
    this.#metadata.noteAddress(found.node, { host: found.host, port: found.port })
    seat.node = found.node
    return found.node
  }
}
