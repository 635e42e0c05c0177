// Starts the built demo as a process and looks at what is left of it. Every process of a run
// carries a mark in its environment, so that children of any session are found.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TEMP_PREFIX } from '../../src/runtime/run-file.ts'
import { MAIN } from '../cli/command.ts'

export interface Demo {
  readonly child: ChildProcess
  readonly env: Readonly<Record<string, string>> & { readonly HOME: string }
  stdout(): string
  stderr(): string
  /** Resolves when the text has come, on stdout or stderr; rejects when the demo ended without. */
  says(text: string): Promise<void>
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>
  /** What of the run is still there: processes, temporary folders, run files. */
  left(): readonly string[]
  dispose(): void
}

let runs = 0

/** Processes whose environment holds the mark; zombies have none. */
function marked(mark: string): readonly number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.map(Number).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(
        `HEALSTREAM_DEMO_RUN=${mark}\0`,
      )
    } catch {
      return false
    }
  })
}

function files(folder: string, prefix: string): readonly string[] {
  try {
    return readdirSync(folder).filter((name) => name.startsWith(prefix))
  } catch {
    return []
  }
}

export function startDemo(args: readonly string[]): Demo {
  const mark = `test-${process.pid}-${runs++}`
  const base = mkdtempSync(join(tmpdir(), 'healstream-run-'))
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: base,
    XDG_RUNTIME_DIR: base,
    TMPDIR: base,
    HEALSTREAM_DEMO_RUN: mark,
  }
  const child = spawn(process.execPath, [MAIN, 'demo', ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
  })
  let over = false
  void ended.then(() => (over = true))
  return {
    child,
    env,
    stdout: () => stdout,
    stderr: () => stderr,
    says: async (text) => {
      while (!(stdout + stderr).includes(text)) {
        if (over) throw new Error(`it ended without saying ${text}: ${stderr}`)
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    },
    ended,
    left: () => [
      ...marked(mark).map((pid) => `process ${pid}`),
      ...files(base, TEMP_PREFIX),
      ...files(join(base, 'healstream'), ''),
    ],
    dispose: () => {
      for (const pid of marked(mark)) process.kill(pid, 'SIGKILL')
      rmSync(base, { recursive: true, force: true })
    },
  }
}
