// Before something that cannot be taken back: what will be done is said, and the word that agrees
// to it is typed, or `--yes` has said so before. Without a terminal nothing is asked and nothing
// done.
import { createInterface } from 'node:readline/promises'
import { HsError } from '../contracts/failure.ts'
import type { Context } from './context.ts'

export interface Confirmation {
  /** What will be done, a sentence each. */
  readonly plan: readonly string[]
  /** What has to be typed. */
  readonly word: string
  /** The whole command with `--yes`, without `npx healstream`. */
  readonly command: string
}

/** Errors: HS_USAGE when nobody can be asked, or another word was typed. */
export async function confirm(
  { terminal }: Context,
  { plan, word, command }: Confirmation,
  yes: boolean,
): Promise<void> {
  for (const line of plan) terminal.say(line)
  if (yes) return
  const fix = `Nothing was done. To do it: npx healstream ${command} --yes`
  if (!terminal.interactive || !process.stdin.isTTY)
    throw new HsError('HS_USAGE', 'this has to be agreed to, and nobody can be asked', { fix })
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const typed = await lines.question(`Type ${word} to go on: `)
    if (typed.trim() === word) return
  } finally {
    lines.close()
  }
  throw new HsError('HS_USAGE', `not agreed to: ${word} was not typed`, { fix })
}
