// A process of its own that runs one seed and prints its hash and how much happened.
import { createSerde } from '../../src/adapters/serde/serde.ts'
import { simulate } from '../../src/roles/simulate/simulation.ts'

const [seed = 1, forMs = 60_000] = process.argv.slice(2).map(Number)
const { hash, events } = await simulate({ seed, forMs, serde: await createSerde() })
process.stdout.write(`${hash} ${events}\n`)
