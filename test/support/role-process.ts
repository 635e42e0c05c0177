// A role as its user starts it: the built command line, a process of its own, watched by its log
// lines.
import { spawn } from 'node:child_process'
import { MAIN } from '../cli/command.ts'

export interface RoleProcess {
  readonly pid: number
  /** Where its endpoint is, once it has said so. */
  url(): Promise<string>
  /** Resolves when a line holds the text; rejects when the process ended without. */
  says(text: string): Promise<void>
  stderr(): string
  /** Sends SIGTERM, or another signal, and tells how it ended and how long that took. */
  end(signal?: NodeJS.Signals): Promise<Ended>
  readonly ended: Promise<Pick<Ended, 'code'>>
}

export interface Ended {
  readonly code: number | null
  readonly ms: number
}

export function startRole(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): RoleProcess {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  let isOver = false
  const ended = new Promise<Pick<Ended, 'code'>>((resolve) => {
    child.once('close', (code) => {
      isOver = true
      resolve({ code })
    })
  })
  const says = async (text: string): Promise<void> => {
    while (!stderr.includes(text)) {
      if (isOver) throw new Error(`it ended without saying ${text}: ${stderr}`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  return {
    pid: child.pid ?? 0,
    url: async () => {
      await says('"process_listening"')
      return /http:\/\/127[.]0[.]0[.]1:\d+/.exec(stderr)?.[0] ?? ''
    },
    says,
    stderr: () => stderr,
    end: async (signal = 'SIGTERM') => {
      const start = performance.now()
      child.kill(signal)
      const { code } = await ended
      return { code, ms: performance.now() - start }
    },
    ended,
  }
}
