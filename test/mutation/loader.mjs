// Module hook of register.mjs: `.ts` files as test/support/ts-loader.mjs loads them, some of them
// with words exchanged. A place that is not there exactly once is an error: the mutant is stale.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { transpiled } from '../support/ts-loader.mjs'

/** @type {readonly { file: string, from: string, to: string }[]} */
let edits = []

/** @param {typeof edits} given */
export function initialize(given) {
  edits = given
}

/** @type {import('node:module').LoadHook} */
export async function load(url, context, next) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return await next(url, context)
  const path = fileURLToPath(url)
  let source = readFileSync(path, 'utf8')
  for (const { file, from, to } of edits) {
    if (!path.endsWith(`/${file}`)) continue
    const parts = source.split(from)
    if (parts.length !== 2)
      throw new Error(`${file} has ${parts.length - 1} places that read: ${from}`)
    source = parts.join(to)
  }
  return { format: 'module', source: await transpiled(source), shortCircuit: true }
}
