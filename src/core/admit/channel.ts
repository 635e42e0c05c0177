// What the full way found out about a writer of deltas and the instance it speaks of, kept by the
// bytes of their identity, so that the next delta needs neither their names as text nor another
// look for what they stand for. A cache: it is no part of the state, and what it answers is what
// the full way would.
import { Interner } from '../kernel/interner.ts'
import type { Stream } from './sequence.ts'

/** Channels kept; one more, and all begin anew. */
const CHANNELS_MAX = 65_536

/** `B`: what a later stage has found out. */
export interface Channel<B> {
  readonly service: string
  readonly instance: string
  readonly agent: string
  /** 0 live, 1 backlog. */
  readonly lane: number
  readonly stream: Stream
  bound: B | null
}

export class Channels<B> {
  private readonly identities = new Interner()
  /** By id of the identity. */
  private readonly channels: Channel<B>[] = []

  /** The channel of the identity in the bytes from `start` to `end`, as long as it holds. */
  find(bytes: Uint8Array, start: number, end: number): Channel<B> | null {
    const id = this.identities.find(bytes, start, end)
    const channel = id < 0 ? undefined : this.channels[id]
    return channel?.stream.held === true ? channel : null
  }

  add(channel: Channel<B>, identity: { bytes: Uint8Array; start: number; end: number }): void {
    if (this.identities.size >= CHANNELS_MAX) {
      this.identities.clear()
      this.channels.length = 0
    }
    const { bytes, start, end } = identity
    this.channels[this.identities.intern(bytes, start, end)] = channel
  }
}
