// Writes asyncapi.yaml from schemas/*.avsc and contracts/topics.ts (as built).
// `node scripts/generate-asyncapi.mjs` writes, `--check` fails when the file differs.
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { asyncapi } from './lib/asyncapi.mjs'

const root = new URL('../', import.meta.url)
const out = new URL('asyncapi.yaml', root)
const built = new URL('dist/contracts/topics.js', root)
if (!existsSync(built)) {
  console.error('The topics are read from the build: run `npm run build` first.')
  process.exit(2)
}
const names = await import(built.href)
const schemas = new Map(
  readdirSync(new URL('schemas/', root))
    .filter((file) => file.endsWith('.avsc'))
    .map((file) => [
      file.slice(0, -5),
      JSON.parse(readFileSync(new URL(`schemas/${file}`, root), 'utf8')),
    ]),
)
const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'))
const text = asyncapi({ names, schemas, version })

if (!process.argv.includes('--check')) writeFileSync(out, text)
else if (!existsSync(out) || readFileSync(out, 'utf8') !== text) {
  console.error('asyncapi.yaml differs: run `node scripts/generate-asyncapi.mjs`')
  process.exit(1)
}
