// Looks for the first seed that finds each mutant, from a first one on:
//   node --import ./test/support/ts.mjs test/mutation/find-seeds.ts FIRST COUNT [part of a name]
import { MUTANTS } from './mutants.ts'
import { runSeeds } from './mutate.ts'

const [first = '1', count = '100', part = ''] = process.argv.slice(2)
for (const { name, edits, load = [] } of MUTANTS.filter(({ name }) => name.includes(part))) {
  const found = await runSeeds([...load, ...edits], { first: Number(first), count: Number(count) })
  process.stdout.write(`${name}: ${found.seed ?? 'no seed'}  ${found.problem ?? ''}\n`)
}
