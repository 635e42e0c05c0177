// One instance of a demo service, as a process of its own:
//   node main.js --service shop --instance shop-1 --port 8101 --intake 127.0.0.1:7000
//     --peers 127.0.0.1:8201,…
// The token comes through the environment. It ends on SIGTERM, and when its parent is gone, however
// that died.
import { fstatSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { IntakeClient } from '../../../runtime/agent/intake-client.ts'
import { tokenFromEnv } from '../../../runtime/agent/intake-token.ts'
import { systemClock } from '../../../runtime/clock.ts'
import { shop, stock } from './handlers.ts'
import { parsePeers, PeerCaller } from './peers.ts'
import { DemoService, type Handler } from './service.ts'

const PARENT_PERIOD_MS = 250

interface Arguments {
  readonly service: string
  readonly instance: string
  readonly port: number
  readonly intake: string
  readonly peers: string
}

/** Errors: RangeError naming what is missing. */
function readArguments(): Arguments {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    options: { service: text, instance: text, port: text, intake: text, peers: text },
  })
  const { service, instance, intake, peers = '' } = values
  const port = Number(values.port)
  if (service === undefined || instance === undefined || intake === undefined)
    throw new RangeError('--service, --instance and --intake are needed')
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new RangeError('--port is not a port')
  return { service, instance, port, intake, peers }
}

function handlerOf(service: string, caller: PeerCaller): Handler {
  if (service === 'shop') return shop(caller)
  if (service === 'stock') return stock
  throw new RangeError('--service is shop or stock')
}

/** Calls `gone` once the process that started this one is no more. */
function watchParent(gone: () => void): void {
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid !== parent) gone()
  }, PARENT_PERIOD_MS)
  timer.unref()
  const stdin = fstatSync(0)
  if (!stdin.isFIFO() && !stdin.isSocket()) return
  process.stdin.on('end', gone)
  process.stdin.on('error', gone)
  process.stdin.resume()
}

async function main(): Promise<void> {
  const args = readArguments()
  const { service, instance } = args
  const token = tokenFromEnv(process.env)
  const [agent] = parsePeers(args.intake)
  if (agent === undefined) throw new RangeError('--intake is not host:port')
  const caller = new PeerCaller(parsePeers(args.peers))
  const handler = handlerOf(service, caller)
  let intake: IntakeClient | null = null
  const record: IntakeClient['record'] = (outcome) => intake?.record(outcome)
  const demo = new DemoService({
    service,
    instance,
    port: args.port,
    handler,
    intake: { record },
    token,
    clock: systemClock,
  })
  const servicePort = await demo.listen()
  intake = new IntakeClient({ ...agent, token, service, instance, servicePort })
  const end = (): void => {
    intake?.close()
    caller.close()
    void demo.close().then(() => process.exit(0))
  }
  process.once('SIGTERM', end)
  process.on('SIGINT', () => undefined)
  watchParent(() => process.exit(0))
  process.stdout.write(`${JSON.stringify({ service, instance, port: servicePort })}\n`)
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 2
})
