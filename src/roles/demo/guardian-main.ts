// The guardian's process, see guardian.ts: reads what to clean up, waits for the end of the pipe.
import { rmSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { endOrphan } from '../../adapters/drivers/process.ts'
import type { GuardianLine } from './guardian.ts'

const processes: { readonly pid: number; readonly start: string }[] = []
const paths: string[] = []
let done = false

function take(line: GuardianLine): void {
  if (line.kind === 'process') processes.push(line)
  else if (line.kind === 'path') paths.push(line.path)
  else done = true
}

// The demo's terminal sends Ctrl-C to its own session only; whoever signals us otherwise must wait.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)

// The pipe is ours alone: what comes through it was written by guardian.ts of this build.
for await (const line of createInterface({ input: process.stdin })) take(JSON.parse(line))

if (!done) {
  for (const { pid, start } of processes) endOrphan(pid, start)
  for (const path of paths) rmSync(path, { recursive: true, force: true })
}
