// An agent in a process of its own that kills itself with kill -9 at a named point of carrying out
// a command. Run by executor.test.ts, twice on the same folder: the second time no point is named.
//   doomed-agent.ts FOLDER PORT POINT
// The log is born with each process, so the second life is given the same command at the same
// offset. Says as JSON lines what it started and what the log took.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Command } from '../../../src/contracts/records.ts'
import { networkProbe } from '../../../src/adapters/http/probe.ts'
import type { LogPort } from '../../../src/runtime/ports.ts'
import type { ProbeTry } from '../../../src/runtime/agent/probe.ts'
import { systemClock } from '../../../src/runtime/clock.ts'
import { restartCommand, Rig, stockInstance, until } from './rig.ts'

const [folder = '', port = '', point = ''] = process.argv.slice(2)
const SENT = join(folder, 'command.json')
const STARTS = join(folder, 'starts')

function dieAt(here: string): void {
  if (here === point) process.kill(process.pid, 'SIGKILL')
}

/** Ends the process just before, or just after, the log takes a result. */
function watched(log: LogPort): LogPort {
  const inner = log.producer.bind(log)
  log.producer = (options) => {
    const producer = inner(options)
    const send = producer.send.bind(producer)
    producer.send = async (records) => {
      const isResult = records.some(({ topic }) => topic.endsWith('results'))
      if (isResult) dieAt('before-told')
      const appended = await send(records)
      if (isResult) dieAt('after-told')
      return appended
    }
    return producer
  }
  return log
}

const rig = await Rig.open(folder)
const spec = stockInstance('stock-1', Number(port))
let starts = 0
const network = networkProbe(systemClock)
const probe: ProbeTry = async (target, timeoutMs) => {
  const outcome = await network(target, timeoutMs)
  if (starts === 2 && outcome.reason === 'ok') dieAt('before-done')
  return outcome
}
const decode = rig.serde.decode.bind(rig.serde)
const decoder = {
  telemetry: rig.serde.telemetry.bind(rig.serde),
  decode: (...args: Parameters<typeof decode>) => {
    if (args[0] === 'commands') dieAt('before-begun')
    return decode(...args)
  },
} as typeof rig.serde

const isSecondLife = existsSync(SENT)
// Ids come out of JSON unbranded; they are those of the first life.
if (isSecondLife) await rig.send(JSON.parse(readFileSync(SENT, 'utf8')) as Command)
const agent = await rig.start(
  [
    {
      ...spec,
      command: (intake) => {
        starts++
        if (starts === 2) dieAt('while-acting')
        appendFileSync(STARTS, isSecondLife ? '2' : '1')
        return spec.command(intake)
      },
    },
  ],
  { log: watched(rig.log.broker.connect()), decoder, probe, stateDir: join(folder, 'state') },
)
if (!isSecondLife) {
  const command = restartCommand({ handle: agent, instance: 'stock-1' })
  writeFileSync(SENT, JSON.stringify(command))
  await rig.send(command)
  await until('a result', () => rig.written.results.length > 0)
  await wait(100)
  dieAt('after-reported')
}
await wait(500)
const { results } = rig.written
await rig.close()
process.stdout.write(JSON.stringify(results.map(({ outcome, refusal }) => [outcome, refusal])))
