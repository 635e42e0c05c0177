// `./scripts/demo --kafka`: starts a real broker for the demo, unless one is named, and takes it
// away at the end, however that comes. Everything else goes to `healstream demo` as it is.
import { DEFAULT_VERSION, startEphemeral } from './lib/servers/ephemeral.mjs'
import { ServerProblem } from './lib/servers/folders.mjs'

/** @param {string} line */
const say = (line) => void process.stderr.write(`${line}\n`)

const given = process.argv.slice(2)
const args = given.filter((word) => word !== '--kafka')
const isOurs = given.includes('--kafka') && !args.some((word) => /^--brokers(=|$)/.test(word))

/** @returns {Promise<{ brokers: readonly string[], stop: () => Promise<void> }>} */
async function broker() {
  say(`kafka · starting one broker, version ${DEFAULT_VERSION}; it ends with the demo`)
  const { cluster, stop } = await startEphemeral({ nodes: 1, version: DEFAULT_VERSION }, (line) =>
    say(`kafka · ${line}`),
  )
  return { brokers: cluster.brokers, stop }
}

try {
  const { run } = await import('../dist/cli/program.js')
  const kafka = isOurs ? await broker() : null
  const more = kafka === null ? [] : ['--brokers', kafka.brokers.join(',')]
  process.exitCode = await run(['demo', ...args, ...more], process.env)
  await kafka?.stop()
} catch (error) {
  say(`kafka · ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = error instanceof ServerProblem ? error.exitCode : 1
}
