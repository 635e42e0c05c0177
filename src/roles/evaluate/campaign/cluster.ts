// All tasks of a cluster, the service tasks and the fleet task, with real cores, and what goes
// between them. What the engine does besides (commits, sealing, the log itself) is left to
// `healstream simulate`; here only judgement is looked at.
import { createHash } from 'node:crypto'
import type { Serde } from '../../../adapters/serde/serde.ts'
import { partitionFor } from '../../../contracts/partitioner.ts'
import type { Command, PolicyRecord, RecordOf } from '../../../contracts/records.ts'
import { INPUT_TOPICS, type TopicKind } from '../../../contracts/topics.ts'
import { taskKey } from '../../../core/fleet/term.ts'
import { BEHAVIOUR_LATEST } from '../../../core/kernel/behaviour.ts'
import type { CoreContext, Output } from '../../../core/kernel/step.ts'
import { createFleetCore } from '../../../core/tasks/fleet-task.ts'
import { createServiceCore } from '../../../core/tasks/service-task.ts'
import { type Calendar, SLOT_MS } from './calendar.ts'
import { type Input, Lane } from './lane.ts'

const GEN = 1

export interface Listener {
  command(command: Command): void
  /** Everything that tasks write, for those who want to see it. */
  output?(output: Output): void
}

export class Cluster {
  readonly partitions: number
  readonly tasks: readonly Lane[]
  readonly fleet: Lane
  readonly #calendar: Calendar
  readonly #serde: Serde
  readonly #listener: Listener

  constructor(
    calendar: Calendar,
    serde: Serde,
    { partitions, listener }: { readonly partitions: number; readonly listener: Listener },
  ) {
    this.#calendar = calendar
    this.#serde = serde
    this.#listener = listener
    this.partitions = partitions
    const all = Array.from({ length: partitions }, (_, partition) => partition)
    const context = contextOf(serde, partitions)
    this.tasks = all.map((partition) => {
      const inputs = INPUT_TOPICS.map((topic): Input => [topic, partition])
      return new Lane(createServiceCore, { ...context, taskId: `s${partition}`, partition }, inputs)
    })
    const observed = all.map((partition): Input => ['observations', partition])
    const inputs: Input[] = [['policies', 0], ['operator', 0], ...observed]
    this.fleet = new Lane(createFleetCore, { ...context, taskId: 'fleet', partition: 0 }, inputs)
  }

  partitionOf(service: string): number {
    return partitionFor(service, this.partitions)
  }

  encode<K extends keyof RecordOf & TopicKind>(topic: K, record: RecordOf[K]): Uint8Array {
    return this.#serde.encode(topic, record)
  }

  /** A record of an agent reaches the log now. */
  append(topic: TopicKind, service: string, value: Uint8Array): void {
    const partition = this.partitionOf(service)
    this.tasks[partition]?.append([topic, partition], service, value, this.#calendar.nowMs)
  }

  /** A document of people, to every task. */
  apply(record: PolicyRecord): void {
    const value = this.encode('policies', record)
    for (const [partition, lane] of this.tasks.entries())
      lane.append(['policies', partition], record.name, value, this.#calendar.nowMs)
    this.fleet.append(['policies', 0], record.name, value, this.#calendar.nowMs)
  }

  /** Steps of all tasks that have a reason for one. */
  step(): void {
    const { nowMs } = this.#calendar
    for (const [partition, lane] of this.tasks.entries())
      for (const output of lane.step(nowMs)) this.#written(partition, output)
    for (const output of this.fleet.step(nowMs)) this.#written(0, output)
  }

  #written(from: number, output: Output): void {
    this.#listener.output?.(output)
    if (output.body === null) return
    if (output.topic === 'commands') this.#listener.command(output.body)
    if (output.topic === 'observations') {
      const body = { ...output.body, gen: GEN }
      this.#carry(this.fleet, ['observations', from], taskKey(body.task), body)
    }
    if (output.topic === 'fleet') {
      const partition = output.partition ?? from
      const body = { ...output.body, gen: GEN }
      this.#carry(this.tasks[partition], ['fleet', partition], taskKey(body.task), body)
    }
  }

  #carry(
    lane: Lane | undefined,
    to: readonly ['observations' | 'fleet', number],
    key: string,
    body: RecordOf['observations'] | RecordOf['fleet'],
  ): void {
    const value = this.#serde.encode(to[0], body)
    this.#calendar.in(SLOT_MS, () => lane?.append(to, key, value, this.#calendar.nowMs))
  }
}

function contextOf(
  serde: Serde,
  partitionCount: number,
): Omit<CoreContext, 'taskId' | 'partition'> {
  return {
    clusterId: 'cluster-a',
    partitionCount,
    behaviour: BEHAVIOUR_LATEST,
    scale: 4,
    sha256: (bytes) => new Uint8Array(createHash('sha256').update(bytes).digest()),
    decoder: serde,
  }
}
