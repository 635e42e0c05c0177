// What the first stage hands on: a record or a delta with its place and its times.
import type { DeltaScratch } from '../../contracts/telemetry-decoder.ts'
import type { TopicKind } from '../../contracts/topics.ts'
import type { Channel } from './channel.ts'

/** Where a record lay. */
export interface Place {
  readonly topic: TopicKind
  readonly partition: number
  readonly offset: number
}

export interface Admitted<T> {
  readonly record: T
  readonly place: Place
  readonly appendMs: number
  /** When it happened, as far as the agent's clock is believed; never after `appendMs`. */
  readonly eventMs: number
}

/**
 * An admitted delta; it and all it holds, but for the channel, stand until the next one. Whose it
 * is is told by the channel, not by the scratch.
 */
export interface AdmittedDelta<B> {
  readonly scratch: DeltaScratch
  readonly channel: Channel<B>
  readonly caller: { readonly service: string; readonly instance: string } | null
  readonly place: Place
  readonly appendMs: number
  readonly eventMs: number
}

/** The one that is filled anew for every delta. */
export interface Delta<B> extends AdmittedDelta<B> {
  channel: Channel<B>
  caller: { readonly service: string; readonly instance: string } | null
  readonly place: { readonly topic: TopicKind; readonly partition: number; offset: number }
  appendMs: number
  eventMs: number
}
