// The version of this build, and whether the Node that runs it is new enough. Loaded before
// anything else, so it imports only what an old Node can read.
import { readFileSync } from 'node:fs'

export function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  const parsed: unknown = JSON.parse(text)
  const found =
    typeof parsed === 'object' && parsed !== null && 'version' in parsed ? parsed.version : null
  return typeof found === 'string' ? found : 'unknown'
}

/** A sentence when this Node is too old, else null. */
export function nodeProblem(found: string): string | null {
  const [major = 0, minor = 0] = found.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return null
  return `healstream needs Node 20.19 or newer, this is Node ${found} (${process.execPath})`
}
