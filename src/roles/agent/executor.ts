// Module: reads the commands of our partitions and carries them out. Each goes one way:
//
//   read ─► check ─► begun (ledger, synced) ─► acting ─► done (ledger) ─► told (log) ─► reported
//              └─► refused (told)
//
// A crash before `begun` forgets the command: its position is on the disk only together with
// `begun`, and what is read again is checked again. A crash after `begun` makes it doubtful: told
// as such, never done again.
import { partitionFor } from '../../contracts/partitioner.ts'
import type { Command } from '../../contracts/records.ts'
import { topicName } from '../../contracts/topics.ts'
import { acceptCommand, type AgentView } from '../../core/command/accept.ts'
import type { BrokerClock } from '../../runtime/agent/broker-clock.ts'
import { type Ledger, LedgerWriteError } from '../../runtime/agent/ledger.ts'
import type { LedgerEntry, ResultBody } from '../../runtime/agent/ledger-entry.ts'
import type { Publisher } from '../../runtime/agent/publisher.ts'
import { LogError } from '../../runtime/log-error.ts'
import type { LogReader, TopicPartition } from '../../runtime/ports.ts'
import { restart } from './act.ts'
import type { Instance } from './instance.ts'
import type { AgentOptions } from './options.ts'

export interface ExecutorOptions {
  readonly options: AgentOptions
  readonly instances: readonly Instance[]
  readonly ledger: Ledger
  readonly publisher: Publisher
  readonly brokerClock: BrokerClock
  /** What the old process of an instance still says does not count any more. */
  readonly retire: (instance: Instance) => void
  /** Of the agent: acts outlive a restart of this module. */
  readonly signal: AbortSignal
}

const POLL_MS = 500
const RETRY_MS = 200
const DETAIL_CHARS = 500

export class Executor {
  readonly #deps: ExecutorOptions
  readonly #places: readonly TopicPartition[]
  /**
   * Next offset by partition; in memory it moves before a command is looked at, so that one that
   * fails us is not read again.
   */
  readonly #next = new Map<number, number>()
  readonly #acting = new Map<Instance, Promise<void>>()
  #fail: (error: unknown) => void = () => undefined

  constructor(deps: ExecutorOptions) {
    this.#deps = deps
    const { prefix, partitions, instances } = deps.options
    const numbers = new Set(instances.map(({ service }) => partitionFor(service, partitions)))
    const topic = topicName('commands', prefix)
    this.#places = [...numbers].map((partition) => ({ topic, partition }))
  }

  /** Finds where to start: where the ledger says, or at the log's end. Errors: LogError. */
  async open(): Promise<void> {
    const fresh: TopicPartition[] = []
    for (const place of this.#places) {
      const known = this.#deps.ledger.position(place.partition)
      if (known === null) fresh.push(place)
      else this.#next.set(place.partition, known)
    }
    await this.#startAtEnd(fresh)
  }

  async run(signal: AbortSignal): Promise<void> {
    const failed = new Promise<never>((_resolve, reject) => {
      this.#fail = reject
    })
    const inner = new AbortController()
    const stop = (): void => inner.abort()
    signal.addEventListener('abort', stop, { once: true })
    const reader = this.#deps.options.log.reader({ isolation: 'read_committed' })
    try {
      for (const place of this.#places)
        reader.assign(place, this.#next.get(place.partition) ?? 'latest')
      await Promise.race([failed, this.#read(reader, inner.signal)])
    } finally {
      signal.removeEventListener('abort', stop)
      inner.abort()
      await reader.close()
    }
  }

  /** Resolves when no act is under way. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#acting.values())
  }

  /**
   * Tells what an earlier life of this agent left open: results not told, and acts whose end nobody
   * knows.
   */
  settle(): void {
    const { ledger, options } = this.#deps
    for (const { id, draft, result } of ledger.open()) {
      const known = this.#find(draft.service, draft.instance)
      const pid = known?.driver.pid() ?? null
      const doubtful: ResultBody = {
        ...draft,
        outcome: 'doubtful',
        detail: 'the agent ended while it acted; whether the act took place is not known',
        ended_at_ms: options.clock.nowMs(),
        incarnation_after: known?.incarnation ?? draft.incarnation_before,
        facts: pid === null ? draft.facts : { ...draft.facts, pid_now: String(pid) },
      }
      if (result === null) this.#done(doubtful)
      else this.#tell(id, result)
    }
  }

  /** Keeps how far we have read, for the next life. */
  savePositions(): void {
    const entries: LedgerEntry[] = []
    for (const [partition, offset] of this.#next) {
      if (this.#deps.ledger.position(partition) !== offset)
        entries.push({ t: 'position', partition, offset })
    }
    if (entries.length > 0) this.#write(entries)
  }

  async #startAtEnd(places: readonly TopicPartition[]): Promise<void> {
    if (places.length === 0) return
    const admin = this.#deps.options.log.admin()
    try {
      const ends = await admin.offsets(places, 'latest', 'read_committed')
      places.forEach(({ partition }, i) => this.#next.set(partition, ends[i] ?? 0))
    } finally {
      await admin.close()
    }
    this.savePositions()
  }

  async #read(reader: LogReader, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        for (const fetched of await reader.poll(POLL_MS, signal)) {
          for (const batch of fetched.batches) {
            const from = this.#next.get(fetched.partition) ?? 0
            batch.visit((view) => {
              const offset = view.offset
              this.#next.set(fetched.partition, offset + 1)
              const decoded = this.#deps.options.decoder.decode('commands', view)
              const place = { ...fetched, offset }
              if (decoded.ok) this.#handle(decoded.record, fetched.partition)
              else this.#unreadable(place, decoded.reason)
            }, from)
          }
          this.#next.set(fetched.partition, fetched.to)
        }
      } catch (error) {
        if (signal.aborted) return
        await this.#recover(reader, error, signal)
      }
    }
  }

  async #recover(reader: LogReader, error: unknown, signal: AbortSignal): Promise<void> {
    if (!(error instanceof LogError)) throw error
    if (error.code === 'UNAVAILABLE') {
      await this.#deps.options.clock.sleep(RETRY_MS, signal).catch(() => undefined)
    } else if (error.code === 'POSITION_LOST') {
      // What retention took has expired; the agent goes on at the end, as one without a ledger.
      await this.#startAtEnd(this.#places)
      for (const place of this.#places)
        reader.assign(place, this.#next.get(place.partition) ?? 'latest')
      const detail = 'commands were removed before they were read; reading goes on at the end'
      this.#deps.options.instruments.emit('agent_notice', { code: 'position_lost', detail })
    } else throw error
  }

  #unreadable(place: TopicPartition & { readonly offset: number }, reason: string): void {
    const { topic, partition, offset } = place
    this.#deps.options.instruments.emit('record_refused', { topic, partition, offset, reason })
  }

  #handle(command: Command, partition: number): void {
    if (command.target.agent !== this.#deps.options.agentId) return
    const accept = acceptCommand(command, this.#view())
    const instance = this.#find(command.target.service, command.target.instance)
    switch (accept.verdict) {
      case 'act':
        if (instance !== undefined) this.#begin(command, instance, partition)
        return
      case 'answer_again':
      case 'doubtful':
        return this.#answerAgain(command)
      case 'refuse':
        return this.#refuse(command, accept)
    }
  }

  #view(): AgentView {
    const { ledger, options, brokerClock } = this.#deps
    return {
      clusterId: options.clusterId,
      agent: options.agentId,
      agentEpoch: ledger.epoch,
      nowMs: brokerClock.nowMs(),
      instance: (service, instance) => this.#find(service, instance) ?? null,
      command: (id) => {
        const known = ledger.command(id)
        if (known === null) return 'absent'
        return known.result === null ? 'started' : 'done'
      },
      can: (action) => action === 'restart_instance',
      seen: (task) => ledger.seen(task),
      busy: (service, id) => {
        const instance = this.#find(service, id)
        return instance !== undefined && this.#acting.has(instance)
      },
    }
  }

  #find(service: string, instance: string): Instance | undefined {
    return this.#deps.instances.find(
      ({ spec }) => spec.service === service && spec.instance === instance,
    )
  }

  /** What is open in the ledger has been told at the start, or is being carried out right now. */
  #answerAgain({ command_id: id }: Command): void {
    const result = this.#deps.ledger.command(id)?.result ?? null
    if (result !== null) this.#tell(id, result)
  }

  #begin(command: Command, instance: Instance, partition: number): void {
    const draft = this.#draft(command, instance)
    const { command_id: id, task, gen, seq } = command
    const offset = this.#next.get(partition) ?? 0
    try {
      this.#deps.ledger.append(
        { t: 'started', id, task, gen, seq, draft },
        { t: 'position', partition, offset },
      )
    } catch (error) {
      if (!(error instanceof LedgerWriteError)) throw error
      return this.#refuse(command, { code: 'ledger_unwritable', detail: error.message })
    }
    const acting = this.#carryOut(instance, draft)
      .catch((error: unknown) => this.#fail(error))
      .finally(() => this.#acting.delete(instance))
    this.#acting.set(instance, acting)
  }

  async #carryOut(instance: Instance, draft: ResultBody): Promise<void> {
    const { options, retire, signal } = this.#deps
    try {
      const ended = await restart({ instance, options, retire, signal })
      // Cut short by the end of the agent: what became of it is not known.
      if (ended === null) return
      this.#done({ ...draft, ...ended, facts: { ...draft.facts, ...ended.facts } })
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      const detail = `the act broke off: ${reason}`
      this.#done({
        ...draft,
        outcome: 'doubtful',
        detail,
        ended_at_ms: options.clock.nowMs(),
        incarnation_after: instance.incarnation,
      })
      throw error
    }
  }

  #draft(command: Command, instance: Instance | undefined): ResultBody {
    const nowMs = this.#deps.options.clock.nowMs()
    const pid = instance?.pid ?? null
    return {
      service: command.target.service,
      instance: command.target.instance,
      command_id: command.command_id,
      incident_id: command.incident_id,
      action: command.action,
      outcome: 'started',
      refusal: null,
      detail: '',
      gen: command.gen,
      command_seq: command.seq,
      started_at_ms: nowMs,
      ended_at_ms: nowMs,
      incarnation_before: instance?.incarnation ?? 0,
      incarnation_after: instance?.incarnation ?? 0,
      facts: pid === null ? {} : { pid_before: String(pid) },
    }
  }

  #refuse(command: Command, { code, detail }: { code: string; detail: string }): void {
    const instance = this.#find(command.target.service, command.target.instance)
    const draft = this.#draft(command, instance)
    this.#tell(null, { ...draft, outcome: 'refused', refusal: code, detail })
  }

  #done(result: ResultBody): void {
    const id = result.command_id
    this.#write([{ t: 'done', id, result }])
    this.#tell(id, result)
  }

  /** `id` null: nothing of it is in the ledger. */
  #tell(id: string | null, result: ResultBody): void {
    const { publisher, options } = this.#deps
    const { command_id: command, action, instance, outcome } = result
    const detail = result.detail.slice(0, DETAIL_CHARS)
    options.instruments.emit('agent_command', { command, action, instance, outcome, detail })
    publisher
      .result({ ...result, detail })
      .then((sent) => {
        if (sent && id !== null) this.#write([{ t: 'reported', id }])
      })
      .catch((error: unknown) => this.#fail(error))
  }

  /**
   * What only saves work after a crash may be missing: then a result is told twice, or as doubtful.
   */
  #write(entries: readonly LedgerEntry[]): void {
    try {
      this.#deps.ledger.append(...entries)
    } catch (error) {
      if (!(error instanceof LedgerWriteError)) throw error
      const detail = error.message
      this.#deps.options.instruments.emit('agent_notice', { code: 'ledger_unwritable', detail })
    }
  }
}
