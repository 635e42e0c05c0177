// `up`, `down` and `status` of a server that is one process with one port (registry, Redis).
import { main, text } from './command.mjs'
import { composeDown, composeRuns, composeUp, hasCompose } from './compose.mjs'
import { checkName, checkPort, ServerProblem, stateFolder } from './folders.mjs'
import { pidOf } from './processes.mjs'
import {
  readService,
  removeService,
  saveService,
  serviceProcess,
  startService,
  stopService,
} from './service.mjs'

/**
 * @typedef {import('./command.mjs').Values} Values
 * @typedef {import('./command.mjs').Answer} Answer
 * @typedef {import('./fetch.mjs').Say} Say
 * @typedef {{ name: string, service: import('./service.mjs').Service, port: number,
 *   about: string, install: string, prepare: (say: Say) => Promise<string | null>,
 *   url: (port: number) => string, variable: string }} Kind
 * `name` is the name of the script and of the service in docker-compose.yml; `prepare` fetches what
 * is needed or says why a process cannot be started; `variable` is what healstream reads the URL
 * from, or an empty text.
 */

/** @param {Kind} kind */
const usage = ({ name, port, about }) => `usage: ./scripts/${name} up|down|status [options]

${about}

  --name N             several at a time, each under its name (default: default)
  --port P             on 127.0.0.1 (default: ${port})
  --output text|json   (default: text)

Exit codes: 0 done · 1 failed, or status: it does not run · 2 wrong use · 3 something is to install`

/** @param {Kind} kind @param {Values} values */
function place({ name, port }, values) {
  const of = checkName(text(values, 'name', 'default'))
  return {
    of,
    folder: stateFolder(name, of),
    port: checkPort(text(values, 'port', String(port)), '--port'),
  }
}

/** @param {Kind} kind @param {Values} values @param {Say} say @returns {Promise<Answer>} */
async function up(kind, values, say) {
  const { of, folder, port } = place(kind, values)
  const found = readService(folder)
  if (found !== null && found.port !== port && pidOf(serviceProcess(kind.service, folder))) {
    throw new ServerProblem(
      `${kind.name} ${of} is there on port ${found.port}.\n` +
        `End it by \`./scripts/${kind.name} down --name ${of}\`, or choose another --name.`,
    )
  }
  const why = await kind.prepare(say)
  if (why === null) {
    await startService(kind.service, { folder, port }, say)
    return await status(kind, values)
  }
  if (port !== kind.port || !hasCompose()) {
    const engine = port === kind.port ? ', and no `docker compose` with a running engine' : ''
    throw new ServerProblem(`${why}${engine}.\n${kind.install}`, 3)
  }
  say(`${why}: using docker compose`)
  await composeUp(kind.name, say)
  saveService(folder, { port, by: 'compose' })
  return await status(kind, values)
}

/** @param {Kind} kind @param {Values} values @returns {Promise<Answer>} */
async function status(kind, values) {
  const { of, folder } = place(kind, values)
  const found = readService(folder)
  if (found === null) {
    const data = { name: of, running: false, url: null }
    return { running: false, data, text: [`there is no ${kind.name} ${of}`] }
  }
  const { port, by } = found
  const pid = pidOf(serviceProcess(kind.service, folder))
  const running =
    by === 'compose'
      ? await composeRuns(kind.name)
      : pid !== null && (await kind.service.serves(port))
  const url = kind.url(port)
  const option = of === 'default' ? '' : ` --name ${of}`
  return {
    running,
    data: { name: of, running, url, by, pid, folder },
    text: [
      `${kind.service.kind} ${running ? `serves on ${url}` : 'does not serve'}`,
      `log: ${folder}/log`,
      '',
      'Next:',
      ...(kind.variable === '' ? [] : [`  export ${kind.variable}=${url}`]),
      `  ./scripts/${kind.name} down${option}`,
    ],
  }
}

/** @param {Kind} kind @param {Values} values @returns {Promise<Answer>} */
async function down(kind, values) {
  const { of, folder } = place(kind, values)
  const byCompose = readService(folder)?.by === 'compose'
  if (byCompose) await composeDown(kind.name, { volume: `healstream_${kind.name}`, keep: true })
  const how = await stopService(kind.service, folder)
  removeService(folder)
  const ended = byCompose || how !== 'not running'
  const text = [`${kind.name} ${of}: ${ended ? 'ended' : 'nothing ran'}`]
  return { running: false, data: { name: of, running: false, ended }, text }
}

/** Runs the command line of this process. @param {Kind} kind */
export const serviceMain = (kind) =>
  main({
    name: kind.name,
    usage: usage(kind),
    options: { name: { type: 'string' }, port: { type: 'string' } },
    verbs: {
      up: (values, say) => up(kind, values, say),
      down: (values) => down(kind, values),
      status: (values) => status(kind, values),
    },
  })
