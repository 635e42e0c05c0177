// Cleans up after a demo that was killed. Services end by themselves when their parent is gone, but
// one that was stopped (the fault `hang`) cannot notice. So a small process of its own session
// holds the other end of a pipe: when the demo dies, however it dies, the pipe ends, and the
// guardian ends the processes it was told of, removes the files it was told of, and ends itself.
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface Guardian {
  /** Ends the process group `pid` if it is still the process that began at `start`. */
  watchProcess(pid: number, start: string): void
  /** Removes a folder of the demo or a file. */
  watchPath(path: string): void
  /** The demo cleaned up itself: nothing is left to do. */
  release(): Promise<void>
}

/** One line on the pipe. */
export type GuardianLine =
  | { readonly kind: 'process'; readonly pid: number; readonly start: string }
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'done' }

export function startGuardian(): Guardian {
  const main = fileURLToPath(new URL('./guardian-main.js', import.meta.url))
  const child = spawn(process.execPath, [main], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  // Without it the demo still runs; the next start sweeps what a killed one left.
  child.on('error', () => undefined)
  child.stdin.on('error', () => undefined)
  child.unref()
  const tell = (line: GuardianLine): void => void child.stdin.write(`${JSON.stringify(line)}\n`)
  return {
    watchProcess: (pid, start) => tell({ kind: 'process', pid, start }),
    watchPath: (path) => tell({ kind: 'path', path }),
    release: async () => {
      tell({ kind: 'done' })
      child.stdin.end()
      await ended(child)
    },
  }
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined)
    return Promise.resolve()
  child.ref()
  return new Promise((resolve) => child.once('exit', () => resolve()))
}
