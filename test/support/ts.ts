// Arguments of `node` that run a TypeScript source of this repository in a process of its own.
import { fileURLToPath } from 'node:url'

const HOOK = new URL('./ts.mjs', import.meta.url)
const ROOT = new URL('../../', import.meta.url)

/** `path` from the root of the repository. */
export function tsArgv(path: string, ...args: readonly string[]): readonly string[] {
  return [process.execPath, '--import', HOOK.href, fileURLToPath(new URL(path, ROOT)), ...args]
}
