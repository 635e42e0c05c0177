// What `scripts/kafka`, `scripts/registry` and `scripts/redis` have in common: `up`, `down` and
// `status`, options, text for people or JSON for programs, exit codes.
import { parseArgs } from 'node:util'
import { ServerProblem } from './folders.mjs'

/**
 * @typedef {import('node:util').ParseArgsConfig['options']} Options
 * @typedef {Record<string, string | boolean | string[] | undefined>} Values
 * @typedef {{ running: boolean, data: Record<string, unknown>, text: readonly string[] }} Answer
 * `data` is printed with `--output json`, `text` otherwise.
 * @typedef {{ name: string, usage: string, options: Options,
 *   verbs: Readonly<Record<'up' | 'down' | 'status', (values: Values, say: (line: string) => void)
 *   => Promise<Answer>>> }} Command
 */

/** @param {Command} command */
function read({ usage, options, verbs }) {
  try {
    const { values, positionals } = parseArgs({
      options: {
        ...options,
        output: { type: 'string', default: 'text' },
        help: { type: 'boolean', short: 'h', default: false },
      },
      allowPositionals: true,
    })
    if (values.help) return null
    const [verb, ...rest] = positionals
    if ((verb !== 'up' && verb !== 'down' && verb !== 'status') || rest.length > 0) {
      throw new ServerProblem(
        `say up, down or status, not ${JSON.stringify(positionals.join(' '))}`,
      )
    }
    if (values.output !== 'text' && values.output !== 'json') {
      throw new ServerProblem(`--output ${values.output}: text or json`)
    }
    return { act: verbs[verb], verb, values, json: values.output === 'json' }
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
    process.exit(2)
  }
}

/**
 * Runs the command line of this process. Exit codes: 0 done, 1 failed or (`status`) not all of it
 * runs, 2 wrong use, 3 a part is missing that has to be installed, 130 interrupted.
 * @param {Command} command
 */
export async function main(command) {
  const asked = read(command)
  if (asked === null) {
    console.log(command.usage)
    return
  }
  const say = (/** @type {string} */ line) => console.error(`${command.name} · ${line}`)
  try {
    const { running, data, text } = await asked.act(asked.values, say)
    if (asked.json) console.log(JSON.stringify(data))
    else for (const line of text) console.log(line)
    process.exitCode = asked.verb === 'status' && !running ? 1 : 0
  } catch (error) {
    if (!(error instanceof ServerProblem)) throw error
    say(error.message)
    process.exitCode = error.exitCode
  }
}

/** @param {Values} values @param {string} name @param {string} fallback */
export function text(values, name, fallback) {
  const value = values[name]
  return typeof value === 'string' ? value : fallback
}

/** @param {Values} values @param {string} name @returns {readonly string[]} */
export function list(values, name) {
  const value = values[name]
  return Array.isArray(value) ? value : []
}
