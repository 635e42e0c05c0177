// What every demo stands on: a folder and a run file that others find it by, the guardian that
// cleans up when it is killed, and the cluster. All of it is gone at the end.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { claimRun, liveRuns, type Run, runFolder, TEMP_PREFIX } from '../../runtime/run-file.ts'
import { Cluster, type ClusterOptions } from './cluster.ts'
import { type Guardian, startGuardian } from './guardian.ts'

export interface GroundsOptions extends Omit<ClusterOptions, 'token'> {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly say: (text: string) => void
}

/** For taking topics away; a broker that is gone keeps them. */
const END_MS = 4_000

export class Grounds {
  readonly folder: string
  readonly guardian: Guardian
  readonly run: Run
  private readonly options: GroundsOptions
  private cluster: Cluster | null = null
  private closed = false

  /** Errors: HS_CONFIG when the run folder cannot be used. */
  constructor(options: GroundsOptions) {
    this.options = options
    const runs = runFolder(options.env)
    liveRuns(runs)
    this.folder = mkdtempSync(join(tmpdir(), TEMP_PREFIX))
    try {
      this.run = claimRun(runs, Date.now(), this.folder)
    } catch (error) {
      rmSync(this.folder, { recursive: true, force: true })
      throw error
    }
    this.guardian = startGuardian()
    for (const path of [this.folder, ...this.run.paths]) this.guardian.watchPath(path)
  }

  /** Projector and endpoint; no topic exists yet. Errors: HS_PORT_IN_USE; LogError. */
  async open(): Promise<Cluster> {
    const { log, say } = this.options
    if (log.place !== null)
      say(`on Kafka at ${log.place}: topics ${log.prefix}*, removed at the end`)
    const cluster = await Cluster.start({ ...this.options, token: this.run.token })
    this.cluster = cluster
    if (this.closed) await cluster.stop()
    this.run.publish(cluster.url)
    say(`endpoint ${cluster.url}, token in ${this.run.tokenFile}`)
    return cluster
  }

  /** Ends the cluster and removes everything; whatever uses it has ended before. */
  async close(): Promise<void> {
    this.closed = true
    await this.cluster?.stop()
    const left = await this.options.log.end(END_MS)
    if (left !== null) this.options.say(left)
    this.run.remove()
    rmSync(this.folder, { recursive: true, force: true })
    await this.guardian.release()
  }
}

/**
 * Rejects as soon as the signal comes: brokers may take their time. What was under way then fails
 * when its log is closed.
 */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = new Promise<never>((_, reject) => {
    const stop = (): void => reject(asError(signal.reason))
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
  return Promise.race([work, aborted])
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason))
}
