// A member of a group as the main loop sees it. The group is answered by a thread of its own
// (member-thread.ts); here is what only the main loop can say: that it lives, what it knows of its
// tasks, and, on the leader, who gets which. When the thread ends by itself nothing is owned any
// more: `lost`, then next() rejects.
import { Worker } from 'node:worker_threads'
import { GroupEvents } from '../client/group-events.ts'
import { LogError } from '../../runtime/log-error.ts'
import type { GroupEvent, JoinOptions, Membership } from '../../runtime/ports.ts'
import {
  type Answer,
  Beat,
  BEAT_MS,
  type FromThread,
  type MemberData,
  Proof,
  type Question,
  secretOf,
  shareKafka,
  type ToThread,
} from './member-link.ts'
import type { KafkaOptions } from './options.ts'

/** A goodbye takes this long at most, whatever the brokers do; then the thread is ended. */
const LEAVE_DEADLINE_MS = 900

/** What the thread asks is asked of these. */
export interface MemberDesk extends Pick<JoinOptions, 'assign' | 'metadata'> {
  readonly secret: () => Promise<string>
}

export interface ThreadMembershipOptions {
  readonly worker: Worker
  readonly beat: Beat
  readonly proof: Proof
  readonly desk: MemberDesk
  /** Told once, when the thread has ended. */
  readonly onClosed: () => void
}

export class ThreadMembership implements Membership {
  readonly #options: ThreadMembershipOptions
  readonly #events = new GroupEvents()
  readonly #beating: NodeJS.Timeout
  /** The thread has nothing more to say. */
  readonly #quiet: Promise<void>
  #owning = false
  /** As often as the thread said `lost`. */
  #losses = 0
  #leaving: Promise<void> | null = null

  constructor(options: ThreadMembershipOptions) {
    this.#options = options
    const { worker, beat } = options
    beat.mark()
    this.#beating = setInterval(() => beat.mark(), BEAT_MS).unref()
    this.#quiet = new Promise((resolve) => {
      worker.on('message', (message: FromThread) => {
        this.#take(message)
        if (message.kind === 'left') resolve()
      })
      worker.on('error', (error) => this.#broke(error))
      worker.on('exit', (code) => {
        this.#broke(new Error(`it ended with code ${code}`))
        resolve()
        options.onClosed()
      })
    })
    this.#quiet.then(() => this.#end()).catch(() => {})
  }

  next(): Promise<GroupEvent> {
    return this.#events.next()
  }

  provenForMs(): number {
    return this.#owning ? this.#options.proof.leftMs(this.#losses) : 0
  }

  rejoin(): void {
    this.#post({ kind: 'rejoin' })
  }

  leave(): Promise<void> {
    this.#leaving ??= this.#leave()
    return this.#leaving
  }

  async #leave(): Promise<void> {
    this.#owning = false
    this.#events.close(new LogError('CLOSED', 'the member has left'))
    this.#post({ kind: 'leave' })
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LEAVE_DEADLINE_MS)
    })
    await Promise.race([this.#quiet, late])
    clearTimeout(timer)
    await this.#end()
  }

  async #end(): Promise<void> {
    clearInterval(this.#beating)
    await this.#options.worker.terminate()
  }

  #post(message: ToThread): void {
    this.#options.worker.postMessage(message, [])
  }

  #take(message: FromThread): void {
    switch (message.kind) {
      case 'event':
        this.#tell(message.event)
        break
      case 'question':
        this.#answer(message.id, message.question).catch((error: unknown) => this.#broke(error))
        break
      case 'failed':
        this.#fail(new LogError(message.code, message.message))
        break
      case 'left':
        break
    }
  }

  #tell(event: GroupEvent): void {
    if (this.#events.failure !== null) return
    this.#owning = event.kind === 'assigned'
    if (event.kind === 'lost') this.#losses++
    this.#events.emit(event)
  }

  async #answer(id: number, question: Question): Promise<void> {
    const answer = await this.#reply(question).catch(
      (error: unknown): Answer => ({
        kind: 'thrown',
        message: `no ${question.kind} for the group: ${textOf(error)}`,
      }),
    )
    this.#post({ kind: 'answer', id, answer })
  }

  async #reply(question: Question): Promise<Answer> {
    const { desk } = this.#options
    switch (question.kind) {
      case 'metadata':
        return { kind: 'metadata', metadata: desk.metadata() }
      case 'assign':
        return { kind: 'assign', assignment: desk.assign(question.members) }
      case 'secret':
        return { kind: 'secret', secret: await desk.secret() }
    }
  }

  /** The thread has ended without being told to. */
  #broke(cause: unknown): void {
    const message = `the thread that answers the group has ended: ${textOf(cause)}`
    this.#fail(new LogError('MEMBER_LOST', message, { cause }))
  }

  #fail(failure: LogError): void {
    if (this.#events.failure !== null) return
    if (this.#owning) this.#tell({ kind: 'lost', reason: failure.message })
    this.#events.fail(failure)
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Joins the group from a thread of its own. `onClosed` is told when that has ended. */
export function joinInThread(
  kafka: KafkaOptions,
  options: JoinOptions,
  onClosed: () => void,
): Membership {
  const { assign, metadata, ...member } = options
  const beat = new Beat()
  const proof = new Proof()
  const shared = { beat: beat.memory, proof: proof.memory }
  const workerData: MemberData = { kafka: shareKafka(kafka), member, ...shared }
  const worker = new Worker(new URL('./member-thread.js', import.meta.url), {
    name: 'member',
    workerData,
  })
  const secret = secretOf(kafka.sasl)
  return new ThreadMembership({
    worker,
    beat,
    proof,
    desk: {
      assign,
      metadata,
      secret: async () => (typeof secret === 'function' ? secret() : ''),
    },
    onClosed,
  })
}
