import type { Encoder } from '../../contracts/decode.ts'
import type { OutgoingRecord } from '../../contracts/record.ts'
import type { Command } from '../../contracts/records.ts'
import { type TopicKind } from '../../contracts/topics.ts'
import type { Random } from './random.ts'
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
export type Illness = 'crash' | 'errors' | 'slow' | 'mute'
export declare class Instance {
  #private
  readonly name: string
  constructor(name: string, beside: Beside, random: Random)
  get isIll(): boolean
  begin(): readonly OutgoingRecord[]
  /** Once in a tick. */
  tick(): readonly OutgoingRecord[]
  fall(illness: Illness): readonly OutgoingRecord[]
  /** It comes back by itself, or a restart helped. */
  recover(): readonly OutgoingRecord[]
  answerStarted(command: Command): readonly OutgoingRecord[]
  /** What a restart comes to. */
  obey(command: Command): readonly OutgoingRecord[]
}
