// A cluster whose nodes answer with bytes that a test has written, so that answers can be told
// which no real broker gives on demand. Requests and answers go through the real codecs.
import { LogError } from '../../../src/runtime/log-error.ts'
import { systemClock } from '../../../src/runtime/clock.ts'
import type { TopicPartition } from '../../../src/runtime/ports.ts'
import type { Failure } from '../../../src/adapters/client/error-codes.ts'
import type { CallLimits } from '../../../src/adapters/client/protocol.ts'
import type { Reach } from '../../../src/adapters/kafka/fan-out.ts'
import type { Cluster, KafkaRequest, Lane } from '../../../src/adapters/kafka/wire.ts'

export interface Sent {
  readonly node: number
  readonly apiName: string
  readonly body: Buffer
  readonly limits: CallLimits
  /** Number of the lane it went over; 0 is the client's own. */
  readonly lane: number
}

/** The answer of a node, or what its lane rejects with. */
export type Script = (sent: Sent) => Buffer | Error | Promise<Buffer>

export const silent = (): LogError => new LogError('UNAVAILABLE', 'no answer')

export class ScriptedCluster implements Cluster {
  readonly sent: Sent[] = []
  readonly forgotten: string[] = []
  readonly closedLanes: number[] = []
  /** Leader by `topic/partition`; without one LEADER_NOT_AVAILABLE. */
  readonly leaderOf = new Map<string, number>()
  /** Told of every leader. */
  readonly epoch: number = 4
  coordinatorNode: number | Failure = 1
  controllerNodes: number[] = [1]
  readonly #script: Script
  #lanes = 0

  constructor(script: Script) {
    this.#script = script
  }

  reach(): Reach {
    return { cluster: this, lane: this.lane(), clock: systemClock }
  }

  lane(): Lane {
    const lane = this.#lanes++
    const send = async <T>(
      node: number,
      request: KafkaRequest<T>,
      limits: CallLimits,
    ): Promise<T> => {
      limits.signal?.throwIfAborted()
      const sent = { node, apiName: request.apiName, body: await request.encode(), limits, lane }
      this.sent.push(sent)
      const answer = await this.#script(sent)
      if (answer instanceof Error) throw answer
      return request.decode(answer)
    }
    return {
      send,
      sendAny: (request, limits) => send(0, request, limits),
      isBusy: false,
      close: () => {
        this.closedLanes.push(lane)
      },
    }
  }

  clusterId(): Promise<string> {
    return Promise.resolve('scripted')
  }

  leaders(partitions: readonly TopicPartition[]): Promise<readonly (number | Failure)[]> {
    return Promise.resolve(
      partitions.map(
        ({ topic, partition }) =>
          this.leaderOf.get(`${topic}/${partition}`) ?? 'LEADER_NOT_AVAILABLE',
      ),
    )
  }

  leaderEpoch(): number {
    return this.epoch
  }

  forgetLeader({ topic, partition }: TopicPartition): void {
    this.forgotten.push(`${topic}/${partition}`)
  }

  coordinator(): Promise<number | Failure> {
    return Promise.resolve(this.coordinatorNode)
  }

  forgetCoordinator(kind: 'group' | 'transaction', key: string): void {
    this.forgotten.push(`${kind} ${key}`)
  }

  controller(): Promise<number | Failure> {
    return Promise.resolve(this.controllerNodes[0] ?? 'BROKER_NOT_AVAILABLE')
  }

  forgetController(): void {
    this.forgotten.push('controller')
    this.controllerNodes = this.controllerNodes.slice(1)
  }

  close(): void {}
}
