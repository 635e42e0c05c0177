// `npm run format [-- FILE…]`: the formatter, then comments wrapped at 100 columns (generated files
// are left alone).
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { ROOT, tool } from './lib/run.mjs'
import { wrapComments } from './lib/wrap.mjs'

const files = process.argv.slice(2)
const folders = ['src', 'test', 'scripts', 'bench']
const all = () =>
  folders.flatMap((folder) =>
    readdirSync(ROOT + folder, { recursive: true, encoding: 'utf8' }).map(
      (name) => `${folder}/${name}`,
    ),
  )

for (const file of (files.length > 0 ? files : all()).filter((name) =>
  /[.](ts|mjs|cjs)$/.test(name),
)) {
  const before = readFileSync(file, 'utf8')
  if (/^\S+ Generated\b/.test(before)) continue
  const after = wrapComments(before)
  if (after !== before) writeFileSync(file, after)
}
const args = ['format', '--write', ...(files.length > 0 ? files : ['.'])]
const result = await tool('biome', args, { timeoutMs: 60_000, show: true })
process.exit(result.code)
