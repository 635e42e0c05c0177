// What the full way found out about a writer of deltas and the instance it speaks of, kept by the
// bytes of their identity, so that the next delta needs neither their names as text nor another
// look for what they stand for. A cache: it is no part of the state, and what it answers is what
// the full way would.
import { Interner } from '../kernel/interner.ts'
import type { Sequences, Stream } from './sequence.ts'

/** Channels kept; one more, and all begin anew. */
const CHANNELS_MAX = 65_536

/** With the stream it is numbered in. `B`: what a later stage has found out. */
export interface Channel<B> extends Stream {
  readonly service: string
  readonly instance: string
  readonly agent: string
  readonly epoch: number
  /** 0 live, 1 backlog. */
  readonly lane: number
  /** Bytes of the identity, and where in them the service lies. */
  readonly bytes: number
  readonly serviceFrom: number
  readonly serviceTo: number
  bound: B | null
}

export class Channels<B> {
  private readonly identities = new Interner()
  /** By id of the identity. */
  private readonly channels: Channel<B>[] = []
  /** By id: which came after it the last time. */
  private readonly after: number[] = []
  private last = 0
  private readonly sequences: Pick<Sequences, 'isHeld'>

  /** `sequences`: those of the streams; a channel holds no longer than its stream. */
  constructor(sequences: Pick<Sequences, 'isHeld'>) {
    this.sequences = sequences
  }

  /**
   * The channel that came next the last time, where it comes next again: deltas of one relay keep
   * their order from tick to tick. `end`: of the datum, whose first bytes are its identity; an
   * identity tells where it ends, so that one whose bytes are all there is the datum's. null: it is
   * another, to be found.
   */
  next(bytes: Uint8Array, start: number, end: number): Channel<B> | null {
    const id = this.after[this.last]
    if (id === undefined || !this.identities.isAt(id, bytes, start, end)) return null
    this.last = id
    return this.held(id)
  }

  /** The channel of the identity in the bytes from `start` to `end`, as long as it holds. */
  find(bytes: Uint8Array, start: number, end: number): Channel<B> | null {
    const id = this.identities.find(bytes, start, end)
    if (id < 0) return null
    this.after[this.last] = id
    this.last = id
    return this.held(id)
  }

  add(channel: Channel<B>, identity: { bytes: Uint8Array; start: number; end: number }): void {
    if (this.identities.size >= CHANNELS_MAX) {
      this.identities.clear()
      this.channels.length = 0
      this.after.length = 0
      this.last = 0
    }
    const { bytes, start, end } = identity
    const id = this.identities.intern(bytes, start, end)
    this.channels[id] = channel
    if (id === this.after.length) this.after.push(id)
    this.after[this.last] = id
    this.last = id
  }

  private held(id: number): Channel<B> | null {
    const channel = this.channels[id]
    return channel !== undefined && this.sequences.isHeld(channel) ? channel : null
  }
}
