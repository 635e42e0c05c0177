// A process under test in one place of the run: started again and again by the same name, its log
// kept in one file, its JSON lines heard.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, type WriteStream } from 'node:fs'
import { createInterface } from 'node:readline'

const AGAIN_MS = 1_000

export interface Command {
  readonly argv: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

const alive = new Set<ChildProcess>()
/** Whoever started these leaves none behind, however it ends. */
export function killChildren(): void {
  for (const child of alive) child.kill('SIGKILL')
}

export class Child {
  readonly name: string
  readonly #log: WriteStream
  readonly #hear: (line: string) => void
  #process: ChildProcess | null = null
  #exited: Promise<unknown> = Promise.resolve()
  /** How it ended although nobody wanted that; it was started again, as a supervisor does. */
  readonly deaths: string[] = []
  #isWanted = false

  constructor(name: string, logFile: string, hear: (line: string) => void) {
    this.name = name
    this.#log = createWriteStream(logFile, { flags: 'a' })
    this.#hear = hear
  }

  get isAlive(): boolean {
    return this.#process !== null
  }

  start({ argv, env }: Command): void {
    const [command = '', ...args] = argv
    const child = spawn(command, args, {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#process = child
    alive.add(child)
    this.#isWanted = true
    for (const stream of [child.stdout, child.stderr]) {
      stream.pipe(this.#log, { end: false })
      createInterface({ input: stream }).on('line', this.#hear)
    }
    this.#exited = once(child, 'exit').then(([code, signal]) => {
      this.#log.write(`${new Date().toISOString()} ${this.name} ended: ${code ?? signal}\n`)
      alive.delete(child)
      if (this.#process === child) this.#process = null
      if (!this.#isWanted) return
      this.deaths.push(String(code ?? signal))
      setTimeout(() => {
        if (this.#isWanted && this.#process === null) this.start({ argv, ...(env && { env }) })
      }, AGAIN_MS)
    })
  }

  /** 0: it does not run. */
  get pid(): number {
    return this.#process?.pid ?? 0
  }

  signal(name: 'SIGSTOP' | 'SIGCONT' | 'SIGUSR2'): void {
    this.#process?.kill(name)
  }

  /** SIGKILL; returns when it is gone. */
  async kill(): Promise<void> {
    this.#isWanted = false
    this.#process?.kill('SIGKILL')
    await this.#exited
  }

  /** SIGTERM, then after `graceMs` SIGKILL; whether it went by itself. */
  async end(graceMs: number): Promise<boolean> {
    this.#isWanted = false
    const child = this.#process
    if (child === null) return true
    child.kill('SIGTERM')
    child.kill('SIGCONT')
    const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
    await this.#exited
    clearTimeout(timer)
    return child.signalCode !== 'SIGKILL'
  }
}
