// `npm run bench -- NAME [--pairs N] [--quick] [--seed N] [--brokers LIST]...`: runs
// bench/NAME.bench.mjs from the build. Subject and rulers take turns, in alternating order, so that
// a busy machine is busy for all of them; the ratio of each pair counts, and their median is the
// figure. Benches of Kafka take the cluster whose address list has as many brokers as they need,
// else they start one. Last line: one JSON object.
import { existsSync, readdirSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { median, round } from './figures.mjs'

/**
 * One way of measuring: `measure('subject')` or `measure(ruler)` gives one figure in `unit`; `raw`
 * adds figures of its own to the answer.
 * @typedef {{
 *   measure: (who: string) => number | Promise<number>,
 *   raw?: () => Record<string, unknown>,
 *   close?: () => void | Promise<void>,
 * }} Stand
 * @typedef {{ quick: boolean, seed: number, clusters: readonly string[] }} How `quick`: a look
 *   whether it works, no figures to keep; `seed`: of what is drawn at random; `clusters`: broker
 *   lists given by hand
 * @typedef {{
 *   unit: string,
 *   rulers: readonly string[],
 *   subjectOf?: Readonly<Record<string, string>>,
 *   smallerIsBetter?: boolean,
 *   target?: number | Readonly<Record<string, number>>,
 *   pairs?: number,
 *   pairsMin?: number,
 *   onBrokers?: string,
 *   open: (how: How) => Promise<Stand>,
 * }} Bench `subjectOf`: the contender that a ruler is held against where it is not `subject`;
 *   `target`: of the ratio, or by ruler; `pairsMin`: fewer rounds where a round is long;
 *   `onBrokers`: the bench that runs instead when brokers are named
 */

const PAIRS_MIN = 5
const folder = new URL('./', import.meta.url)

/** @param {string} sentence @returns {never} */
function give(sentence) {
  console.error(sentence)
  process.exit(2)
}

/** @param {Bench} bench every contender once, in the order of a round */
function contenders({ rulers, subjectOf = {} }) {
  const pairs = rulers.flatMap((ruler) => [subjectOf[ruler] ?? 'subject', ruler])
  return [...new Set(['subject', ...pairs])]
}

/**
 * Figures by contender, one per pair. The first round warms up and is thrown away.
 * @param {Bench} bench @param {Stand} stand @param {number} pairs
 */
export async function measurePairs(bench, stand, pairs) {
  const order = contenders(bench)
  /** @type {Map<string, number[]>} */
  const figures = new Map(order.map((who) => [who, []]))
  for (let pair = 0; pair <= pairs; pair++)
    for (const who of pair % 2 === 0 ? order : order.toReversed()) {
      const figure = await stand.measure(who)
      if (pair > 0) figures.get(who)?.push(figure)
    }
  return figures
}

/**
 * The answer: ratio of the subject to each ruler, pair by pair, and the medians of all figures.
 * @param {string} name @param {Bench} bench @param {Map<string, number[]>} figures
 */
export function summary(name, bench, figures) {
  const subject = figures.get('subject') ?? []
  const ratios = Object.fromEntries(
    bench.rulers.map((ruler) => {
      const other = figures.get(ruler) ?? []
      const own = figures.get(bench.subjectOf?.[ruler] ?? 'subject') ?? []
      return [ruler, round(median(own.map((figure, i) => figure / (other[i] ?? Number.NaN))))]
    }),
  )
  const ratio = ratios[bench.rulers[0] ?? '']
  const medians = [...figures].map(([who, all]) => [who, round(median(all))])
  return {
    name,
    ratio,
    ratios,
    unit: bench.unit,
    better: bench.smallerIsBetter === true ? 'smaller' : 'larger',
    ...(bench.target === undefined ? {} : { target: bench.target }),
    pairs: subject.length,
    ...Object.fromEntries(medians),
    node: process.version,
    cpus: cpus().length,
  }
}

/** @param {Map<string, number[]>} figures @param {string} unit */
function table(figures, unit) {
  const rows = [...figures].map(([who, all]) => {
    const shown = [Math.min(...all), median(all), Math.max(...all)].map((f) => String(round(f)))
    return `${who.padEnd(14)}${shown.map((f) => f.padStart(12)).join('')}`
  })
  return [`${unit.padEnd(14)}${'min'.padStart(12)}${'median'.padStart(12)}${'max'.padStart(12)}`]
    .concat(rows)
    .join('\n')
}

/**
 * @param {string} name @param {readonly string[]} brokers
 * @returns {Promise<{ bench: Bench, title: string }>}
 */
async function load(name, brokers) {
  /** @type {{ bench: Bench }} */
  const { bench } = await import(new URL(`${name}.bench.mjs`, folder).href)
  const other = brokers.length === 0 ? undefined : bench.onBrokers
  return other === undefined ? { bench, title: name } : load(other, brokers)
}

async function main() {
  const names = readdirSync(folder).flatMap((file) => /^(.+)[.]bench[.]mjs$/.exec(file)?.[1] ?? [])
  const { values, positionals } = parseArgs({
    options: {
      brokers: { type: 'string', multiple: true, default: [] },
      pairs: { type: 'string' },
      quick: { type: 'boolean', default: false },
      seed: { type: 'string', default: '1' },
    },
    allowPositionals: true,
  })
  const [name = ''] = positionals
  if (!names.includes(name)) give(`Name one of the benches: ${names.join(', ')}.`)
  if (!existsSync(new URL('../dist/contracts', folder)))
    give('The benches run from the build: run `npm run build` first.')
  const { bench, title } = await load(name, values.brokers)
  const fewest = bench.pairsMin ?? PAIRS_MIN
  const pairs = values.pairs === undefined ? (bench.pairs ?? fewest) : Number(values.pairs)
  if (!Number.isInteger(pairs) || pairs < fewest)
    give(`--pairs takes a whole number from ${fewest}; found ${values.pairs}.`)
  const seed = Number(values.seed)
  if (!Number.isInteger(seed)) give(`--seed takes a whole number; found ${values.seed}.`)
  const stand = await bench.open({ quick: values.quick, seed, clusters: values.brokers })
  try {
    const figures = await measurePairs(bench, stand, pairs)
    console.log(table(figures, bench.unit))
    console.log(JSON.stringify({ ...summary(title, bench, figures), ...stand.raw?.() }))
  } finally {
    await stand.close?.()
  }
}

if (process.argv[1] === new URL(import.meta.url).pathname)
  await main().catch((error) => {
    // A wrong flag is a sentence; anything else is a defect and keeps its stack.
    if (String(error?.code).startsWith('ERR_PARSE_ARGS')) give(error.message)
    throw error
  })
