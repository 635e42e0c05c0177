// What every command is handed: where to write, the environment, how the answer is wanted, and how
// to reach a run.
import { findConnection } from './connection.ts'
import type { ConnectionFlags } from './connection.ts'
import { Client } from './client.ts'
import { printable } from '../contracts/printable.ts'
import { printableJson } from './printable.ts'
import { isStale, recencyLine } from './show-recency.ts'
import type { ViewRecency } from '../roles/projector/view-recency.ts'
import type { Terminal } from './terminal.ts'

export type Output = 'table' | 'json'

/** Options of every command that reads a run. */
export interface ReadFlags extends ConnectionFlags {
  readonly output: Output
}

export interface Context {
  readonly terminal: Terminal
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Errors: as findConnection. */
export function connect(context: Context, flags: ReadFlags): Client {
  const connection = findConnection(flags, context.env)
  if (connection.others.length > 0 && flags.output === 'table') {
    const others = connection.others.map(printable).join(', ')
    context.terminal.say(`reading ${connection.url.origin}; others run too: ${others} (--url)`)
  }
  return new Client(connection)
}

/** One document, or lines for people with what to type next. */
export function show(
  context: Context,
  output: Output,
  answer: {
    readonly value: unknown
    readonly lines: () => readonly string[]
    readonly next?: readonly string[]
    /** Of what comes from a view. */
    readonly recency?: ViewRecency | null
  },
): void {
  const { recency = null } = answer
  if (output === 'json') {
    context.terminal.out(printableJson(answer.value, 2))
    if (recency !== null && isStale(recency)) context.terminal.say(recencyLine(recency))
    return
  }
  for (const line of answer.lines()) context.terminal.out(line)
  if (recency !== null) context.terminal.say(recencyLine(recency))
  for (const hint of answer.next ?? []) context.terminal.say(`next: npx healstream ${hint}`)
}
