// Runs seeds in a process whose sources are those of a mutant.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Edit } from './mutants.ts'

const HOOK = new URL('./register.mjs', import.meta.url).href
const MAIN = fileURLToPath(new URL('./run-seeds.ts', import.meta.url))

export interface Found {
  /** The first seed that failed; null: none did. */
  readonly seed: number | null
  readonly problem: string | null
}

/** Errors: when an edit does not fit its source any more, or the process ends otherwise. */
export async function runSeeds(
  edits: readonly Edit[],
  { first, count }: { readonly first: number; readonly count: number },
): Promise<Found> {
  const argv = ['--max-semi-space-size=64', '--import', HOOK, MAIN, String(first), String(count)]
  const env = { ...process.env, HEALSTREAM_TEST_EDITS: JSON.stringify(edits) }
  const { stdout } = await promisify(execFile)(process.execPath, argv, { env })
  const found: unknown = JSON.parse(stdout)
  if (typeof found !== 'object' || found === null || !('seed' in found) || !('problem' in found))
    throw new Error(`no finding: ${stdout}`)
  const { seed, problem } = found
  return {
    seed: typeof seed === 'number' ? seed : null,
    problem: typeof problem === 'string' ? problem : null,
  }
}
