// A process of its own for a mutant: runs seeds until one fails and says which, as one line of
// JSON: { seed, problem } or { seed: null }. A task of healstream that cannot even begin has failed
// too.
import { createSerde } from '../../src/adapters/serde/serde.ts'
import { simulate } from '../../src/roles/simulate/simulation.ts'

const [first = 1, count = 1, forMs = 120_000] = process.argv.slice(2).map(Number)
const serde = await createSerde()
let found: { seed: number | null; problem: string | null } = { seed: null, problem: null }
for (let seed = first; seed < first + count && found.seed === null; seed++) {
  const { problems } = await simulate({ seed, forMs, serde })
  const [problem] = problems
  if (problem !== undefined) found = { seed, problem }
}
process.stdout.write(`${JSON.stringify(found)}\n`)
