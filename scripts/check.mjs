// `npm run check`: everything static, the tidy rules and the pure tests, in under a minute. Stops
// at the first failure and says what to run.
import { tool } from './lib/run.mjs'
import { STEPS } from './lib/steps.mjs'

/**
 * @param {string} name
 * @param {readonly string[]} more
 * @returns {import('./lib/steps.mjs').Step}
 */
const tests = (name, more) => ({
  name,
  fix: `npx vitest run --project pure ${more.join(' ')}`,
  run: async () => {
    const args = ['run', '--project', 'pure', '--reporter', 'dot', ...more]
    const result = await tool('vitest', args, { timeoutMs: 120_000 })
    return { ok: result.code === 0, output: result.output, seconds: result.seconds }
  },
})

const steps = [
  ...STEPS,
  tests('tidy', ['test/tidy']),
  tests('pure tests', ['--exclude', 'test/tidy/**']),
]

let total = 0
for (const step of steps) {
  const result = await step.run()
  total += result.seconds
  console.log(
    `${result.ok ? 'ok  ' : 'FAIL'} ${step.name.padEnd(12)} ${result.seconds.toFixed(1)} s`,
  )
  if (result.ok) continue
  console.log(result.output.trim())
  console.log(`\n${step.name} failed. Run: ${step.fix}`)
  process.exit(1)
}
console.log(`all ${steps.length} steps in ${total.toFixed(1)} s`)
