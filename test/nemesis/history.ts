// What the agents say they did: one JSON line per fact, appended before it happens (`try`) and when
// its outcome is known, to files of their own that no fault of the log can reach. A try without an
// outcome is unknown, like one whose outcome is `info`. Values are known by the hash of their
// bytes.
import { createHash } from 'node:crypto'
import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { TopicKind } from '../../src/contracts/topics.ts'

/** Records that one request shall put into one partition. */
export interface Try {
  readonly k: 'try'
  readonly id: number
  readonly topic: TopicKind
  readonly p: number
  /** Whose requests follow one another. */
  readonly by: string
  /** Hashes of the values, in order. */
  readonly h: readonly string[]
  /** Wall time, as all times here. */
  readonly ms: number
}

/** The log has them, at these offsets. */
export interface Ok {
  readonly k: 'ok'
  readonly id: number
  readonly base: number
  readonly last: number
  readonly ms: number
}

/** `fail`: they are certainly not in the log. `info`: perhaps. */
export interface NotOk {
  readonly k: 'fail' | 'info'
  readonly id: number
  readonly code: string
  readonly ms: number
}

/** A read_committed reader was given this record. */
export interface Seen {
  readonly k: 'seen'
  readonly topic: TopicKind
  readonly p: number
  readonly o: number
  readonly h: string
  readonly ms: number
}

/** A command was carried out. */
export interface Act {
  readonly k: 'act'
  readonly command: string
  readonly p: number
  readonly o: number
  readonly ms: number
}

export type Fact = Try | Ok | NotOk | Seen | Act

/** Facts of one life of the agents, in order. */
export type Life = readonly Fact[]

export function hashOf(value: Uint8Array | null): string {
  if (value === null) return 'null'
  return createHash('sha256').update(value).digest('base64url').slice(0, 16)
}

export class HistoryWriter {
  readonly #fd: number

  constructor(folder: string, life: number) {
    this.#fd = openSync(join(folder, `history-${life}.jsonl`), 'a')
  }

  /** Returns when the system has it: what this process was, is known after its death. */
  write(...facts: readonly Fact[]): void {
    if (facts.length === 0) return
    writeSync(this.#fd, `${facts.map((fact) => JSON.stringify(fact)).join('\n')}\n`)
  }

  close(): void {
    closeSync(this.#fd)
  }
}

/** All lives in a folder, oldest first; a line torn by a death is the last of its file. */
export function readHistory(folder: string): readonly Life[] {
  const files = readdirSync(folder).flatMap((name) => {
    const life = /^history-(\d+)[.]jsonl$/.exec(name)?.[1]
    return life === undefined ? [] : [{ name, life: Number(life) }]
  })
  files.sort((a, b) => a.life - b.life)
  return files.map(({ name }) => {
    const lines = readFileSync(join(folder, name), 'utf8').split('\n')
    return lines.slice(0, -1).map((line): Fact => JSON.parse(line))
  })
}
