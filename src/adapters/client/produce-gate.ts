// Batches of several partitions that are handed over at the same time go into one Produce request:
// one for all of them, or one per leader. The gate makes one attempt and tells each batch its own
// answer; what to do about it is its caller's business (storing.ts).
import { LogError } from '../../runtime/log-error.ts'
import type { OutgoingBatch } from './batching.ts'
import { type ProducedPartition, partitionKey } from './protocol.ts'
import { REQUEST_TIMEOUT_MS, type Session } from './session.ts'

interface Waiting {
  readonly batch: OutgoingBatch
  readonly timeoutMs: number
  readonly resolve: (answer: ProducedPartition) => void
  readonly reject: (error: unknown) => void
}

export interface GateOptions {
  readonly transactionalId: string | null
  /**
   * One request per leader, so that a dead one holds up its own partitions only. Without it the
   * transport splits one request, and all wait for the last.
   */
  readonly byLeader: boolean
}

export class ProduceGate {
  readonly #session: Session
  readonly #options: GateOptions
  #gathered: Waiting[] = []

  constructor(session: Session, options: GateOptions) {
    this.#session = session
    this.#options = options
  }

  /**
   * One attempt; at most one batch of a partition at a time. Errors: `UNAVAILABLE` without an
   * answer about this partition (it may have been stored all the same), others as Session.call.
   */
  send(batch: OutgoingBatch, timeoutMs: number): Promise<ProducedPartition> {
    return new Promise((resolve, reject) => {
      this.#gathered.push({ batch, timeoutMs, resolve, reject })
      if (this.#gathered.length === 1) queueMicrotask(() => this.#flush())
    })
  }

  #flush(): void {
    const gathered = this.#gathered
    this.#gathered = []
    if (gathered.length === 1 || !this.#options.byLeader) this.#carry(gathered)
    else this.#split(gathered)
  }

  #split(gathered: readonly Waiting[]): void {
    this.#byLeader(gathered).then(
      (groups) => {
        for (const group of groups) this.#carry(group)
      },
      () => {
        // Nobody says who leads them: each has to find out for itself.
        for (const one of gathered) this.#carry([one])
      },
    )
  }

  async #byLeader(gathered: readonly Waiting[]): Promise<Iterable<readonly Waiting[]>> {
    const partitions = gathered.map(({ batch: { topic, partition } }) => ({ topic, partition }))
    const timeoutMs = Math.min(
      REQUEST_TIMEOUT_MS,
      ...gathered.map((one) => Math.ceil(one.timeoutMs / 2)),
    )
    const { partitions: places } = await this.#session.call('locate', { partitions }, { timeoutMs })
    const groups = new Map<number | Waiting, Waiting[]>()
    for (const [i, one] of gathered.entries()) {
      const place = places[i]
      const key = place?.error === 'NONE' ? place.node : one
      const group = groups.get(key)
      if (group === undefined) groups.set(key, [one])
      else group.push(one)
    }
    return groups.values()
  }

  #carry(group: readonly Waiting[]): void {
    const { transactionalId } = this.#options
    const partitions = group.map(({ batch: { topic, partition, batch } }) => {
      return { topic, partition, batch }
    })
    const timeoutMs = Math.min(...group.map((one) => one.timeoutMs))
    this.#session.call('produce', { transactionalId, partitions }, { timeoutMs }).then(
      (answer) => share(group, answer.partitions),
      (error: unknown) => {
        for (const one of group) one.reject(error)
      },
    )
  }
}

/** kafkajs takes an answer that leaves a partition out for a success (CT-1). */
function share(group: readonly Waiting[], answers: readonly ProducedPartition[]): void {
  const byPlace = new Map(answers.map((answer) => [partitionKey(answer), answer]))
  for (const { batch, resolve, reject } of group) {
    const answer = byPlace.get(partitionKey(batch))
    if (answer !== undefined) resolve(answer)
    else {
      const message = `the answer to produce says nothing about ${partitionKey(batch)}`
      reject(new LogError('UNAVAILABLE', message))
    }
  }
}
