// A service instance and the agent beside it, as far as the log can tell them: what they say each
// second, what they say when something breaks, and what the agent does with a command.
import type { Encoder } from '../../contracts/decode.ts'
import type { OutgoingRecord } from '../../contracts/record.ts'
import type { Command, RecordOf } from '../../contracts/records.ts'
import { topicName, type TopicKind } from '../../contracts/topics.ts'
import { encodeUtf8 } from '../../contracts/utf8.ts'
import type { Random } from './random.ts'
import {
  heartbeat,
  probe,
  processEvent,
  registration,
  result,
  type Speaker,
  telemetry,
} from './records.ts'

/** What an agent shares with the instances beside it. */
export interface Beside {
  readonly cluster: string
  readonly prefix: string
  readonly service: string
  readonly partition: number
  readonly agent: string
  readonly encoder: Encoder
  readonly nowMs: () => number
  /** Next number of its records of a topic. */
  readonly nextSeq: (topic: TopicKind) => number
}

/** What comes of an act that has not helped. */
const VAIN = ['failed', 'failed', 'refused', 'timed_out', 'doubtful'] as const

export type Illness = 'crash' | 'errors' | 'slow' | 'mute'

const NORMAL_US = 20_000
const SLOW_US = 2_500_000
const QUICK = ['deregister', 'diagnose', 'rollback_config', 'scale', 'shift_traffic']

export class Instance {
  readonly name: string
  readonly #beside: Beside
  readonly #random: Random
  #incarnation = 1
  #illness: Illness | null = null

  constructor(name: string, beside: Beside, random: Random) {
    this.name = name
    this.#beside = beside
    this.#random = random
  }

  get isIll(): boolean {
    return this.#illness !== null
  }

  begin(): readonly OutgoingRecord[] {
    return [
      this.#record('service-events', registration(this.#who('service-events'), 1)),
      this.#record('signals', probe(this.#who('signals'), 'up')),
    ]
  }

  /** Once in a tick. */
  tick(): readonly OutgoingRecord[] {
    if (this.#illness === 'mute') return []
    const isDown = this.#illness === 'crash'
    const rate = isDown ? 0 : this.#random.int(30, 60)
    const failed = this.#illness === 'errors' ? Math.floor(rate / 2) : 0
    const latencyUs = this.#illness === 'slow' ? SLOW_US : NORMAL_US
    const state = isDown ? 'down' : 'up'
    return [
      this.#record('signals', heartbeat(this.#who('signals'), state)),
      ...(rate === 0
        ? []
        : [
            this.#record(
              'telemetry',
              telemetry(this.#who('telemetry'), {
                ok: rate - failed,
                failed,
                latencyUs,
                // Who is slow has a queue, and tells of it.
                ...(this.#illness === 'slow' ? { waiting: rate } : null),
              }),
            ),
          ]),
    ]
  }

  fall(illness: Illness): readonly OutgoingRecord[] {
    this.#illness = illness
    if (illness !== 'crash') return []
    return [
      this.#record('signals', processEvent(this.#who('signals'), 'exited')),
      this.#record('signals', probe(this.#who('signals'), 'down')),
    ]
  }

  /** It comes back by itself, or a restart helped. */
  recover(): readonly OutgoingRecord[] {
    const wasDown = this.#illness === 'crash'
    this.#illness = null
    return wasDown ? this.#started() : []
  }

  answerStarted(command: Command): readonly OutgoingRecord[] {
    const answer = { outcome: 'started', incarnation_after: this.#incarnation } as const
    return [this.#record('results', result(this.#who('results'), command, answer))]
  }

  /** What an act comes to; what starts nothing anew only says that it was done. */
  obey(command: Command): readonly OutgoingRecord[] {
    const who = this.#who('results')
    if (this.#random.chance(0.15)) {
      const outcome = this.#random.pick(VAIN)
      const answer = { outcome, incarnation_after: this.#incarnation } as const
      return [this.#record('results', result(who, command, answer))]
    }
    const isQuick = QUICK.includes(command.action)
    if (!isQuick) this.#illness = null
    const started = isQuick ? [] : this.#started()
    const answer = { outcome: 'succeeded', incarnation_after: this.#incarnation } as const
    return [...started, this.#record('results', result(who, command, answer))]
  }

  #started(): readonly OutgoingRecord[] {
    this.#incarnation++
    return [
      this.#record('signals', processEvent(this.#who('signals'), 'started')),
      this.#record('service-events', registration(this.#who('service-events'), 1)),
      this.#record('signals', probe(this.#who('signals'), 'up')),
    ]
  }

  #who(topic: TopicKind): Speaker {
    const { cluster, service, agent, nowMs, nextSeq } = this.#beside
    return {
      cluster,
      service,
      agent,
      instance: this.name,
      incarnation: this.#incarnation,
      atMs: nowMs(),
      seq: nextSeq(topic),
    }
  }

  #record<K extends keyof RecordOf & TopicKind>(topic: K, record: RecordOf[K]): OutgoingRecord {
    const { prefix, partition, service, encoder, nowMs } = this.#beside
    return {
      topic: topicName(topic, prefix),
      partition,
      key: encodeUtf8(service),
      value: encoder.encode(topic, record),
      timestampMs: nowMs(),
    }
  }
}
