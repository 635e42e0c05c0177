// Section `nemesis`: the checker's own tests, then a minute of faults on real brokers, judged by
// it. The seed is the same every time: what CI says about a commit must not depend on luck.
import { run } from './run.mjs'
import { whatIsMissing } from './servers/fetch.mjs'
import { count, emptyTally, END_AT_SHARES } from './tally.mjs'
import { tests } from './tests.mjs'

const SEED = 1
const MINUTES = 1

/** @param {number} shareSeconds @returns {(say: import('./tests.mjs').Say) =>
 * Promise<import('./tally.mjs').Tally>} */
export const nemesisSection = (shareSeconds) => async (say) => {
  const { java } = whatIsMissing()
  if (java !== null) return { ...emptyTally(), skips: [`no real Kafka: ${java}`] }
  const tally = await tests(say, { projects: ['nemesis'], shareSeconds })
  const args = ['scripts/nemesis.mjs', '--seed', String(SEED), '--minutes', String(MINUTES)]
  const timeoutMs = shareSeconds * END_AT_SHARES * 1000
  const result = await run('node', [...args, '--output', 'json'], { timeoutMs })
  const found = outcomeOf(result.stdout)
  say(`${found === 'clean' ? 'ok  ' : 'FAIL'} seed ${SEED}, ${MINUTES} min: ${found}`)
  if (found !== 'clean') say(result.output.trim().split('\n').slice(-40).join('\n'))
  count(tally, found === 'clean', `npm run nemesis -- --seed ${SEED}: ${found}`)
  return tally
}

/** @param {string} stdout one JSON line */
function outcomeOf(stdout) {
  try {
    const { outcome, reasons } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
    return outcome === 'clean' ? 'clean' : `${outcome}: ${reasons.join('; ')}`
  } catch {
    return 'it left no result'
  }
}
