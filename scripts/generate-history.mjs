// Keeps every version of every schema: schemas/history/<kind>/<n>.avsc, from 1, without docs.
// `node scripts/generate-history.mjs` adds a version where a schema has changed, `--check` fails
// when one is missing. A version that is out there is never changed: records carry it for ever.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'

const root = new URL('../schemas/', import.meta.url)

/** @param {string} path */
const read = (path) => readFileSync(new URL(path, root), 'utf8')

/** @param {string} source @param {readonly string[]} keys the keys to leave out */
const without = (source, keys) =>
  JSON.parse(source, (key, value) => (keys.includes(key) ? undefined : value))

/** What the wire knows of a schema: wording and our own id types are not part of it. */
/** @param {string} source */
const onWire = (source) => JSON.stringify(without(source, ['doc', 'brand', 'optional']))

/** @param {string} kind @returns {number} 0 = none yet */
function latest(kind) {
  mkdirSync(new URL(`history/${kind}/`, root), { recursive: true })
  const names = readdirSync(new URL(`history/${kind}/`, root))
  return Math.max(0, ...names.map((name) => Number.parseInt(name, 10)))
}

const kinds = readdirSync(root)
  .filter((name) => name.endsWith('.avsc'))
  .map((name) => name.slice(0, -5))
const missing = []
for (const kind of kinds) {
  const now = read(`${kind}.avsc`)
  const last = latest(kind)
  if (last > 0 && onWire(read(`history/${kind}/${last}.avsc`)) === onWire(now)) continue
  const path = `history/${kind}/${last + 1}.avsc`
  missing.push(`schemas/${path}`)
  if (!process.argv.includes('--check'))
    writeFileSync(new URL(path, root), `${JSON.stringify(without(now, ['doc']), null, 2)}\n`)
}

if (process.argv.includes('--check') && missing.length > 0) {
  console.error(`missing: ${missing.join(', ')}; run \`node scripts/generate-history.mjs\``)
  process.exit(1)
}
