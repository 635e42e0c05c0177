// What the main loop and the thread of a member say to each other. Each asks no more than the other
// can answer at once; the sign of life of the main loop is a number in shared memory, so that it
// costs no message and cannot queue up.
import type { Assignment } from '../client/assignment-bytes.ts'
import type { LogErrorCode } from '../../runtime/log-error.ts'
import type { GroupEvent, GroupMember, JoinOptions } from '../../runtime/ports.ts'
import type { KafkaOptions, SaslOptions, Secret } from './options.ts'

/** Time between two signs of life. */
export const BEAT_MS = 250

/** Written by the main loop, read by the thread; both measure with the clock of the process. */
export class Beat {
  readonly #last: BigInt64Array

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(8)) {
    this.#last = new BigInt64Array(memory)
  }

  /** To be given to the other thread. */
  get memory(): SharedArrayBuffer {
    const { buffer } = this.#last
    if (buffer instanceof SharedArrayBuffer) return buffer
    throw new TypeError('the memory of a beat is shared')
  }

  mark(): void {
    Atomics.store(this.#last, 0, process.hrtime.bigint())
  }

  /** How late the next sign of life is; 0 while it is not due. */
  lateMs(): number {
    const ageMs = Number(process.hrtime.bigint() - Atomics.load(this.#last, 0)) / 1e6
    return Math.max(0, ageMs - BEAT_MS)
  }
}

/**
 * How long ownership is proven, written by the thread and read by the main loop: whoever has stood
 * still knows by itself, before it has read a single message, that it may not go on.
 */
export class Proof {
  readonly #memory: SharedArrayBuffer
  /** Until when, on the clock of the process, ns; and how often ownership was lost. */
  readonly #cells: BigInt64Array

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(16)) {
    this.#memory = memory
    this.#cells = new BigInt64Array(memory)
  }

  /** To be given to the other thread. */
  get memory(): SharedArrayBuffer {
    return this.#memory
  }

  proven(forMs: number): void {
    const untilNs = process.hrtime.bigint() + BigInt(Math.floor(forMs * 1e6))
    Atomics.store(this.#cells, 0, untilNs)
  }

  lost(): void {
    Atomics.add(this.#cells, 1, 1n)
  }

  /** 0 or less once it was lost more often than the reader was told: its tasks are not its own. */
  leftMs(toldLosses: number): number {
    if (Number(Atomics.load(this.#cells, 1)) !== toldLosses) return 0
    return Number(Atomics.load(this.#cells, 0) - process.hrtime.bigint()) / 1e6
  }
}

/** A secret that is a function stays with the main loop, which is asked for it. */
type SharedSecret = { readonly file: string } | 'asked for'

type SharedSasl =
  | {
      readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
      readonly username: string
      readonly password: SharedSecret
    }
  | { readonly mechanism: 'OAUTHBEARER'; readonly token: SharedSecret }

interface SharedKafka extends Omit<KafkaOptions, 'clock' | 'sasl'> {
  readonly sasl?: SharedSasl | undefined
}

/** What a thread starts with (`workerData`). */
export interface MemberData {
  readonly kafka: SharedKafka
  readonly member: Omit<JoinOptions, 'assign' | 'metadata'>
  readonly beat: SharedArrayBuffer
  readonly proof: SharedArrayBuffer
}

export type Question =
  | { readonly kind: 'metadata' }
  | { readonly kind: 'assign'; readonly members: readonly GroupMember[] }
  | { readonly kind: 'secret' }

export type Answer =
  | { readonly kind: 'metadata'; readonly metadata: Uint8Array }
  | { readonly kind: 'assign'; readonly assignment: Assignment }
  | { readonly kind: 'secret'; readonly secret: string }
  /** The function that was asked has thrown. */
  | { readonly kind: 'thrown'; readonly message: string }

export type FromThread =
  | { readonly kind: 'event'; readonly event: GroupEvent }
  | { readonly kind: 'question'; readonly id: number; readonly question: Question }
  /** No more events; the thread leaves the group by itself. */
  | { readonly kind: 'failed'; readonly code: LogErrorCode; readonly message: string }
  /** Nothing more comes: the thread can be ended. */
  | { readonly kind: 'left' }

export type ToThread =
  | { readonly kind: 'answer'; readonly id: number; readonly answer: Answer }
  | { readonly kind: 'rejoin' }
  | { readonly kind: 'leave' }

/** The secret of the options, if there is one. */
export function secretOf(sasl: SaslOptions | undefined): Secret | null {
  if (sasl === undefined) return null
  return sasl.mechanism === 'OAUTHBEARER' ? sasl.token : sasl.password
}

/** Leaves out what cannot go to another thread. */
export function shareKafka(options: KafkaOptions): SharedKafka {
  const { brokers, clientId, tls, sasl, connectTimeoutMs } = options
  const shared = { brokers, clientId, tls, connectTimeoutMs }
  if (sasl === undefined) return shared
  const { mechanism } = sasl
  if (mechanism === 'OAUTHBEARER')
    return { ...shared, sasl: { mechanism, token: shareSecret(sasl.token) } }
  const { username } = sasl
  return { ...shared, sasl: { mechanism, username, password: shareSecret(sasl.password) } }
}

function shareSecret(secret: Secret): SharedSecret {
  return typeof secret === 'function' ? 'asked for' : secret
}

/** What was left out is put in again on the thread. */
export function unshareKafka(
  { sasl, ...shared }: SharedKafka,
  own: { readonly clock: KafkaOptions['clock']; readonly askSecret: () => Promise<string> },
): KafkaOptions {
  const { clock } = own
  if (sasl === undefined) return { ...shared, clock }
  const unshare = (secret: SharedSecret): Secret =>
    secret === 'asked for' ? own.askSecret : secret
  const { mechanism } = sasl
  if (mechanism === 'OAUTHBEARER')
    return { ...shared, clock, sasl: { mechanism, token: unshare(sasl.token) } }
  const { username } = sasl
  return { ...shared, clock, sasl: { mechanism, username, password: unshare(sasl.password) } }
}
