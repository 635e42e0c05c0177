// Process driver: one instance as a child process in a process group of its own, so that the whole
// group can be ended and nothing stays behind. Started with a fixed argument list, never through a
// shell. The child's stdin is a pipe that ends when the agent dies, kill -9 included: a service
// that watches it ends with its agent.
import { type ChildProcess, spawn } from 'node:child_process'
import type { Driver, ProcessExit, StartFacts } from '../../runtime/agent/driver.ts'
import { isSameProcess } from '../../runtime/agent/proc.ts'
import type { Clock } from '../../runtime/ports.ts'

/** What is run. Never a shell line. */
export interface ProcessCommand {
  /** Program and arguments. */
  readonly argv: readonly string[]
  /** Environment of the child; besides it gets PATH only. */
  readonly env: Readonly<Record<string, string>>
  readonly cwd?: string
}

export interface ProcessDriverOptions {
  /** Asked before every start. */
  readonly command: () => ProcessCommand
  readonly clock: Clock
  /** One look at the instance's health; false or a rejection = not yet. */
  readonly healthy: () => Promise<boolean>
  /** Time between SIGTERM and SIGKILL. Default 500. */
  readonly graceMs?: number | undefined
  /** How long a start may take until health answers. Default 10,000. */
  readonly startTimeoutMs?: number | undefined
}

const GRACE_MS = 500
const START_TIMEOUT_MS = 10_000
const HEALTH_PERIOD_MS = 20
/** After SIGKILL only the kernel can be slow (a process in uninterruptible sleep). */
const KILL_WAIT_MS = 5_000
const OUTPUT_CHARS = 8_192

interface Child {
  readonly process: ChildProcess
  readonly pid: number
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>
}

/** Signals a whole process group; false when nothing of it is left. */
function signalGroup(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(-pid, signal)
    return true
  } catch {
    return false
  }
}

/**
 * Ends the process group of an agent that died without ending it. Only when `pid` is still the
 * process that began at `start`; a later process with the same id is left alone. True = something
 * was ended.
 */
export function endOrphan(pid: number, start: string): boolean {
  return isSameProcess(pid, start) && signalGroup(pid, 'SIGKILL')
}

export class ProcessDriver implements Driver {
  readonly kind = 'process'
  readonly #options: ProcessDriverOptions
  readonly #onStart: ((pid: number) => void)[] = []
  readonly #onExit: ((exit: ProcessExit) => void)[] = []
  #child: Child | null = null
  #ending = false
  #lastPid: number | null = null
  #output = ''

  constructor(options: ProcessDriverOptions) {
    this.#options = options
  }

  pid(): number | null {
    return this.#child?.pid ?? null
  }

  output(): string {
    return this.#output
  }

  onStart(listener: (pid: number) => void): void {
    this.#onStart.push(listener)
  }

  onExit(listener: (exit: ProcessExit) => void): void {
    this.#onExit.push(listener)
  }

  async start(signal: AbortSignal): Promise<StartFacts> {
    const before = this.#child
    if (before !== null) {
      const answered = await this.#answers(before, signal)
      const detail = answered ? '' : 'it runs, but its health does not answer'
      return { pidBefore: before.pid, pidAfter: before.pid, killed: false, answered, detail }
    }
    return await this.#begin({ pidBefore: null, killed: false }, signal)
  }

  async restart(signal: AbortSignal): Promise<StartFacts> {
    const pidBefore = this.#lastPid
    const killed = await this.#end()
    return await this.#begin({ pidBefore, killed }, signal)
  }

  async stop(): Promise<void> {
    await this.#end()
  }

  async #begin(
    old: { readonly pidBefore: number | null; readonly killed: boolean },
    signal: AbortSignal,
  ): Promise<StartFacts> {
    if (this.#child !== null) {
      const detail = `process ${this.#child.pid} does not end`
      return { ...old, pidAfter: this.#child.pid, answered: false, detail }
    }
    const started = await this.#spawn()
    if (typeof started === 'string') {
      return { ...old, pidAfter: null, answered: false, detail: started }
    }
    const answered = await this.#answers(started, signal)
    const detail = answered
      ? ''
      : this.#child === started
        ? 'it runs, but its health does not answer'
        : 'it ended before its health answered'
    return { ...old, pidAfter: started.pid, answered, detail }
  }

  /** The new child, or why there is none. */
  async #spawn(): Promise<Child | string> {
    const { argv, env, cwd } = this.#options.command()
    const [program = '', ...args] = argv
    const path = process.env['PATH'] ?? ''
    this.#output = ''
    this.#ending = false
    let child: ChildProcess
    try {
      child = spawn(program, args, {
        cwd,
        env: { PATH: path, ...env },
        detached: true,
        stdio: ['pipe', 'pipe', 'pipe'],
      })
    } catch (error) {
      return `cannot start: ${error instanceof Error ? error.message : String(error)}`
    }
    const problem = await new Promise<string | null>((resolve) => {
      child.once('spawn', () => resolve(null))
      child.on('error', (error) => resolve(`cannot start: ${error.message}`))
    })
    if (problem !== null || child.pid === undefined) return problem ?? 'cannot start'
    return this.#watch(child, child.pid)
  }

  #watch(process: ChildProcess, pid: number): Child {
    const capture = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString('utf8')).slice(-OUTPUT_CHARS)
    }
    process.stdout?.on('data', capture)
    process.stderr?.on('data', capture)
    process.stdin?.on('error', () => undefined)
    const ended = new Promise<void>((resolve) => {
      const finish = (exitCode: number | null, signal: string | null): void => {
        signalGroup(pid, 'SIGKILL')
        if (this.#child === child) this.#child = null
        const exit = { pid, exitCode, signal, expected: this.#ending }
        for (const listener of this.#onExit) listener(exit)
        resolve()
      }
      if (process.exitCode !== null || process.signalCode !== null) {
        queueMicrotask(() => finish(process.exitCode, process.signalCode))
      } else process.once('exit', finish)
    })
    const child: Child = { process, pid, ended }
    this.#child = child
    this.#lastPid = pid
    for (const listener of this.#onStart) listener(pid)
    return child
  }

  /** True: it had to be killed. */
  async #end(): Promise<boolean> {
    const child = this.#child
    if (child === null) return false
    this.#ending = true
    signalGroup(child.pid, 'SIGTERM')
    child.process.stdin?.end()
    if (await this.#endsWithin(child, this.#options.graceMs ?? GRACE_MS)) return false
    signalGroup(child.pid, 'SIGKILL')
    await this.#endsWithin(child, KILL_WAIT_MS)
    return true
  }

  async #endsWithin(child: Child, ms: number): Promise<boolean> {
    const timer = new AbortController()
    const late = this.#options.clock.sleep(ms, timer.signal).then(
      () => false,
      () => false,
    )
    const inTime = await Promise.race([child.ended.then(() => true), late])
    timer.abort()
    return inTime
  }

  async #answers(child: Child, signal: AbortSignal): Promise<boolean> {
    const { clock, healthy, startTimeoutMs } = this.#options
    const until = clock.monotonicMs() + (startTimeoutMs ?? START_TIMEOUT_MS)
    while (this.#child === child && !signal.aborted && clock.monotonicMs() < until) {
      const ok = await healthy().catch(() => false)
      if (ok && this.#child === child) return true
      await clock.sleep(HEALTH_PERIOD_MS)
    }
    return false
  }
}
