// What an agent says of one instance again and again. Each record is made once and then only kept
// up to date, because a campaign encodes millions of them.
import type { Signal, TelemetryDelta } from '../../../contracts/records.ts'
import { indexOf } from '../../../core/window/grid.ts'
import { type Counts, heartbeat, type Speaker, telemetry } from '../../simulate/records.ts'

type Changing<T> = { -readonly [K in keyof T]: T[K] }

export class Voice {
  readonly #delta: Changing<TelemetryDelta>
  readonly #beat: Changing<Signal>
  readonly #periodMs: number
  #state = ''

  constructor(who: Speaker, periodMs: number) {
    this.#delta = telemetry(who, { ok: 0, failed: 0, latencyUs: 0 }, periodMs)
    this.#beat = heartbeat(who, '', periodMs)
    this.#periodMs = periodMs
  }

  /** As `telemetry`; good until the next call. */
  counts(who: Speaker, { ok, failed, latencyUs }: Counts): TelemetryDelta {
    const delta = this.#delta
    const n = ok + failed
    delta.epoch = who.epoch ?? 1
    delta.seq = who.seq
    delta.incarnation = who.incarnation
    delta.tick_start_ms = who.atMs
    delta.n = n
    delta.errors = failed
    delta.sum_us = n * latencyUs
    delta.max_us = n === 0 ? 0 : latencyUs
    delta.buckets = n === 0 ? [] : [{ gap: indexOf(latencyUs), count: n }]
    return delta
  }

  /** As `heartbeat`; good until the next call. */
  beat(who: Speaker, state: string): Signal {
    const beat = this.#beat
    if (state !== this.#state) beat.heartbeat = heartbeat(who, state, this.#periodMs).heartbeat
    this.#state = state
    beat.epoch = who.epoch ?? 1
    beat.seq = who.seq
    beat.incarnation = who.incarnation
    beat.at_ms = who.atMs
    return beat
  }
}
