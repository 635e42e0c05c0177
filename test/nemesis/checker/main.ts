// The checker as a process of its own: what was collected into a folder in, the verdict out, as
// JSON in `verdict.json` of the folder.
//   main.ts FOLDER PARTITIONS
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readHistory } from '../history.ts'
import { check } from './check.ts'
import { readCollected } from './collect.ts'

const [folder = '', partitions = ''] = process.argv.slice(2)
const startMs = performance.now()
const collected = readCollected(join(folder, 'collected'))
const verdict = check(collected, readHistory(folder), Number(partitions))
writeFileSync(join(folder, 'verdict.json'), `${JSON.stringify(verdict)}\n`)
const { violations, counts } = verdict
for (const { check: name, place, what } of violations.slice(0, 20))
  console.error(`${name}: ${place}: ${what}`)
const seconds = ((performance.now() - startMs) / 1_000).toFixed(1)
console.error(`${violations.length} violations, ${JSON.stringify(counts)}, ${seconds} s`)
