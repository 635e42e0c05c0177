// The thread of one member: its own connections, its own timers. However busy the main loop is with
// a restore, the group is answered here. But a main loop that stands still for a whole session runs
// no tasks either: then they are given away, and nothing is joined until it answers again.
import { parentPort, workerData } from 'node:worker_threads'
import { crc32c } from '../client/crc32c.ts'
import { GroupMembership } from '../client/membership.ts'
import { systemClock } from '../../runtime/clock.ts'
import { LogError } from '../../runtime/log-error.ts'
import type { GroupEvent, GroupMember, Membership } from '../../runtime/ports.ts'
import type { Assignment } from '../client/assignment-bytes.ts'
import { createCluster } from './cluster.ts'
import {
  type Answer,
  Beat,
  type FromThread,
  type MemberData,
  Proof,
  type Question,
  type ToThread,
  unshareKafka,
} from './member-link.ts'
import { Patience } from './patience.ts'
import { createTransport } from './transport.ts'

/** A main loop that is busy now does not keep the group waiting for its metadata. */
const METADATA_PATIENCE_MS = 1_000
const SECRET_PATIENCE_MS = 3_000

interface Asking {
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: Error) => void
  readonly timer: NodeJS.Timeout | null
}

/** The main loop, as the thread sees it. */
class MainLoop {
  readonly #post: (message: FromThread) => void
  readonly #proof: Proof
  readonly #asking = new Map<number, Asking>()
  #lastId = 0
  /** As long as tasks are owned: what the main loop said last. */
  #metadata: Uint8Array | null = null

  constructor(post: (message: FromThread) => void, proof: Proof) {
    this.#post = post
    this.#proof = proof
  }

  /** The newest there is, or the one before when the main loop is busy. */
  async metadata(): Promise<Uint8Array> {
    const known = this.#metadata
    try {
      const answer = await this.#ask(
        { kind: 'metadata' },
        known === null ? null : METADATA_PATIENCE_MS,
      )
      if (answer.kind === 'metadata') this.#metadata = answer.metadata
    } catch (error) {
      if (!(error instanceof LogError) || error.code !== 'UNAVAILABLE') throw error
    }
    return this.#metadata ?? new Uint8Array(0)
  }

  async assign(members: readonly GroupMember[], patienceMs: number): Promise<Assignment> {
    const answer = await this.#ask({ kind: 'assign', members }, patienceMs)
    return answer.kind === 'assign' ? answer.assignment : new Map()
  }

  async secret(): Promise<string> {
    const answer = await this.#ask({ kind: 'secret' }, SECRET_PATIENCE_MS)
    return answer.kind === 'secret' ? answer.secret : ''
  }

  tell(event: GroupEvent): void {
    if (event.kind === 'lost') {
      this.#proof.lost()
      // What was said of the tasks that are lost is not said again.
      this.#metadata = null
    }
    this.#post({ kind: 'event', event })
  }

  take(id: number, answer: Answer): void {
    const asking = this.#asking.get(id)
    if (asking === undefined) return
    this.#settle(id, asking)
    if (answer.kind === 'thrown') asking.reject(new LogError('INVALID_REQUEST', answer.message))
    else asking.resolve(answer)
  }

  /** Errors: `UNAVAILABLE` without an answer in time (null: however long it takes). */
  #ask(question: Question, patienceMs: number | null): Promise<Answer> {
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      const late = (): void => {
        this.#settle(id, asking)
        reject(
          new LogError('UNAVAILABLE', `the main loop did not say its ${question.kind} in time`),
        )
      }
      const timer = patienceMs === null ? null : setTimeout(late, patienceMs)
      const asking: Asking = { resolve, reject, timer }
      this.#asking.set(id, asking)
      this.#post({ kind: 'question', id, question })
    })
  }

  #settle(id: number, { timer }: Asking): void {
    this.#asking.delete(id)
    if (timer !== null) clearTimeout(timer)
  }
}

function open(data: MemberData, main: MainLoop, proof: Proof): Membership {
  const beat = new Beat(data.beat)
  const clock = systemClock
  const askSecret = (): Promise<string> => main.secret()
  const cluster = createCluster(unshareKafka(data.kafka, { clock, askSecret }))
  const lane = cluster.lane()
  const transport = new Patience().enduring(createTransport({ cluster, lane, clock }))
  const onClosed = (): void => {
    lane.close()
    cluster.close()
  }
  return new GroupMembership(
    { transport, clock, crc32c, onClosed },
    {
      ...data.member,
      metadata: () => main.metadata(),
      assign: (members) => main.assign(members, data.member.rebalanceTimeoutMs),
      seenMs: () => clock.monotonicMs() - beat.lateMs(),
      onProven: (forMs) => proof.proven(forMs),
    },
  )
}

async function follow(membership: Membership, main: MainLoop): Promise<never> {
  for (;;) main.tell(await membership.next())
}

function start(data: MemberData): void {
  const port = parentPort
  if (port === null) throw new Error('member-thread.js is started as a worker thread')
  const post = (message: FromThread): void => port.postMessage(message)
  const proof = new Proof(data.proof)
  const main = new MainLoop(post, proof)
  const fail = (error: unknown): void => {
    const code = error instanceof LogError ? error.code : 'INVALID_REQUEST'
    post({ kind: 'failed', code, message: error instanceof Error ? error.message : String(error) })
  }
  const end = (membership: Membership): void => {
    const left = (): void => post({ kind: 'left' })
    membership.leave().then(left, left)
  }
  const membership = open(data, main, proof)
  port.on('message', (message: ToThread) => {
    if (message.kind === 'answer') main.take(message.id, message.answer)
    else if (message.kind === 'rejoin') membership.rejoin()
    else end(membership)
  })
  follow(membership, main).catch((error: unknown) => {
    fail(error)
    end(membership)
  })
}

const data: MemberData = workerData
start(data)
