// Module hook of ts.mjs: turns a `.ts` file into JavaScript.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = join(tmpdir(), `healstream-ts-${process.getuid?.() ?? 0}`)
mkdirSync(folder, { recursive: true, mode: 0o700 })

/** @param {string} source @returns {Promise<string>} */
export async function transpiled(source) {
  const path = join(folder, `${createHash('sha256').update(source).digest('hex')}.js`)
  try {
    return readFileSync(path, 'utf8')
  } catch {
    const { default: ts } = await import('typescript')
    const { ESNext, ES2023 } = { ESNext: ts.ModuleKind.ESNext, ES2023: ts.ScriptTarget.ES2023 }
    const compilerOptions = { module: ESNext, target: ES2023, verbatimModuleSyntax: true }
    const { outputText } = ts.transpileModule(source, { compilerOptions })
    const own = `${path}.${process.pid}`
    writeFileSync(own, outputText)
    renameSync(own, path)
    return outputText
  }
}

/** @type {import('node:module').LoadHook} */
export async function load(url, context, next) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return await next(url, context)
  const source = await transpiled(readFileSync(fileURLToPath(url), 'utf8'))
  return { format: 'module', source, shortCircuit: true }
}
