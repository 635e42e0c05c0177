// Where a script acts: workers behind relays and agents that keep their own history (the stage of
// the nemesis), on brokers shared with other scripts but with topics, a group and a folder of its
// own; how it waits, what workers said, and the judgement of the checker at the end.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { JournalEntry } from '../../src/contracts/journal.ts'
import { decodeEntry } from '../../src/contracts/journal-codec.ts'
import { isVisible, recordsOf, settle as settled } from '../nemesis/checker/batches.ts'
import type { Verdict } from '../nemesis/checker/check.ts'
import { collect, Source } from '../nemesis/checker/collect.ts'
import { checked, settle } from '../nemesis/run.ts'
import { Stage, type StageOptions, type Worker, type WorkerEvent } from '../nemesis/stage.ts'
import type { TestKafka } from '../support/kafka/cluster.ts'

/**
 * Longest until somebody else runs the tasks of a worker that is gone: its session of 6 s and what
 * a busy machine needs. How long it takes on one that is not is measured by benches and nemesis.
 */
export const TAKEOVER_MS = 20_000
/** A new member follows tasks before it is given them. */
const SHARING_MS = 60_000
const PAUSE_MS = 200
const PARTITIONS = 4
const WORKERS = 2
const SEED = 1

export interface Judging {
  /** Exit codes or signals of processes that ended by themselves and were started again. */
  readonly mayEnd?: RegExp
  /** `task: reason` of tasks that stopped. */
  readonly mayStop?: RegExp
}

export class Scene {
  /** Shared by all scripts: whoever takes a broker of it away gives it back. */
  readonly kafka: TestKafka
  readonly prefix: string
  /** Logs of the processes, histories of the agents, what was collected. */
  readonly folder: string
  /** Everything that workers said. */
  readonly events: WorkerEvent[] = []
  readonly #cleanups: (() => unknown)[] = []
  #stage: Stage | null = null

  constructor(id: string, kafka: TestKafka) {
    this.kafka = kafka
    this.prefix = `${id.toLowerCase()}-${randomBytes(4).toString('hex')}.`
    this.folder = mkdtempSync(join(tmpdir(), `healstream-${id}-`))
  }

  /** Workers and agents, all tasks running. Default: 2 workers, 4 partitions, shared brokers. */
  async open(options: Partial<StageOptions> = {}): Promise<Stage> {
    const { folder, prefix, kafka } = this
    const tell = (event: WorkerEvent): unknown => this.events.push(event)
    const usual = { workers: WORKERS, partitions: PARTITIONS, seed: SEED }
    this.#stage = await Stage.open({ folder, prefix, kafka, tell, ...usual, ...options })
    return this.#stage
  }

  get stage(): Stage {
    assert.ok(this.#stage !== null, 'the stage is open')
    return this.#stage
  }

  /** Done at the end, however it ends; the last one first. */
  after(cleanup: () => unknown): void {
    this.#cleanups.push(cleanup)
  }

  /** Events of a kind so far, of one worker or all. */
  said(event: string, worker?: string): readonly WorkerEvent[] {
    return this.events.filter(
      (one) => one.event === event && (worker === undefined || one.worker === worker),
    )
  }

  /** Waits for a time of the monotonic clock. */
  async at(ms: number): Promise<void> {
    await sleep(Math.max(0, ms - performance.now()))
  }

  /** Waits until something holds. */
  async until(
    what: string,
    holds: () => boolean | Promise<boolean>,
    limitMs: number,
  ): Promise<void> {
    for (const endMs = performance.now() + limitMs; !(await holds()); await sleep(PAUSE_MS))
      assert.ok(performance.now() < endMs, `not within ${limitMs} ms: ${what}`)
  }

  /** Who runs most tasks now. */
  busiest(): Worker {
    const [first] = this.stage.workers.toSorted((a, b) => b.running - a.running)
    assert.ok(first !== undefined && first.running > 0, 'somebody runs tasks')
    return first
  }

  /** Waits until every worker runs tasks; the first one. */
  async sharing(): Promise<Worker> {
    const { workers } = this.stage
    const isShared = (): boolean => workers.every(({ running }) => running > 0)
    await this.until('every worker runs tasks', isShared, SHARING_MS)
    const [first] = workers
    assert.ok(first !== undefined)
    return first
  }

  /** Committed steps come to every journal from now on; how long the last of them took. */
  async moves(limitMs: number): Promise<number> {
    const startMs = performance.now()
    const { kafka, prefix, partitions } = this.stage
    const source = new Source(kafka.brokers, prefix)
    const hasSteps = async (partition: number, from: number): Promise<boolean> =>
      (await entriesFrom(source, partition, from)).some(
        (entry) => entry.kind === 'steps' && entry.steps.length > 0,
      )
    try {
      const still = new Map<number, number>()
      for (let partition = 0; partition < partitions; partition++)
        still.set(partition, await source.end('journal', partition))
      for (; still.size > 0; await sleep(PAUSE_MS)) {
        for (const [partition, from] of still)
          if (await hasSteps(partition, from)) still.delete(partition)
        const tookMs = performance.now() - startMs
        const standing = [...still.keys()].join(', ')
        assert.ok(still.size === 0 || tookMs < limitMs, `partitions ${standing} stand`)
      }
      return performance.now() - startMs
    } finally {
      source.close()
    }
  }

  /** What the journal of each partition holds by now, in order. */
  async journals(): Promise<readonly (readonly JournalEntry[])[]> {
    const { kafka, prefix, partitions } = this.stage
    const source = new Source(kafka.brokers, prefix)
    try {
      const numbers = Array.from({ length: partitions }, (_, partition) => partition)
      return await Promise.all(numbers.map((partition) => entriesFrom(source, partition, 0)))
    } finally {
      source.close()
    }
  }

  /** Everything healed and stepped, everybody stopped; the checker finds nothing. */
  async judge({ mayEnd, mayStop }: Judging = {}): Promise<Verdict> {
    const { stage, folder } = this
    const problems = [...(await settle(stage))]
    for (const { child, stopped } of stage.workers)
      for (const what of stopped)
        if (mayStop?.test(what) !== true) problems.push(`${child.name} stopped ${what}`)
    for (const { child } of [...stage.workers, stage.agents])
      for (const death of child.deaths)
        if (death !== '3' && mayEnd?.test(death) !== true)
          problems.push(`${child.name} ended by itself with ${death}`)
    assert.deepEqual(problems, [])
    await collect(stage.kafka.brokers, stage.prefix, join(folder, 'collected'))
    const verdict = await checked(folder, stage.partitions)
    assert.deepEqual(verdict.violations, [])
    assert.ok(verdict.counts.commits > 0 && verdict.counts.acknowledged > 0, 'something was done')
    return verdict
  }

  /** The folder of a script that failed stays. */
  async close(isFine: boolean): Promise<void> {
    const cleanups = [() => this.#stage?.close(), ...this.#cleanups].toReversed()
    const failures: unknown[] = []
    for (const cleanup of cleanups)
      try {
        await cleanup()
      } catch (error) {
        failures.push(error)
      }
    assert.deepEqual(failures, [], 'what was begun is ended')
    if (isFine) rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Longest time without a commit in a stretch of wall time, ms. */
export function longestGapMs(times: readonly number[], fromMs: number, toMs: number): number {
  const within = [fromMs, ...times.filter((atMs) => atMs > fromMs && atMs < toMs)]
  return Math.max(...within.map((atMs, i) => (within[i + 1] ?? toMs) - atMs))
}

const sha256 = (bytes: Uint8Array): Uint8Array =>
  new Uint8Array(createHash('sha256').update(bytes).digest())

async function entriesFrom(
  source: Source,
  partition: number,
  from: number,
): Promise<readonly JournalEntry[]> {
  return settled(await source.read('journal', partition, from))
    .filter(isVisible)
    .flatMap(({ batch }) => recordsOf(batch))
    .map(({ value }) => decodeEntry(value ?? new Uint8Array(0), sha256).entry)
}
