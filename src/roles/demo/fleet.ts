// The instances of the demo: three of `shop`, three of `stock`, each a process of its own, and one
// agent per service beside them (on the embedded log the agents live in the demo's process).
import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Decoder, Encoder } from '../../contracts/decode.ts'
import { HsError } from '../../contracts/failure.ts'
import { agentId, instanceId, serviceId } from '../../contracts/ids.ts'
import type { ClusterId } from '../../contracts/ids.ts'
import { startAgent } from '../agent/agent.ts'
import type { AgentHandle } from '../agent/agent.ts'
import type { AgentInstance } from '../agent/options.ts'
import type { Instruments } from '../../runtime/instruments.ts'
import type { Clock, LogPort } from '../../runtime/ports.ts'
import type { Victim } from './fault.ts'

export interface FleetOptions {
  /** A client of the log for each agent. */
  readonly connect: (role: string) => LogPort
  readonly encoder: Encoder
  readonly decoder: Decoder
  readonly clock: Clock
  readonly instruments: Instruments
  readonly prefix: string
  readonly partitions: number
  readonly clusterId: ClusterId
  /** Holds a folder per agent. */
  readonly folder: string
  /** May agents report the exit of their own children? */
  readonly exitSignal: boolean
  /** Handed to every process, so that a script can find all of a run. */
  readonly mark: string | undefined
}

export interface Fleet {
  /** Ports of `shop`, for the traffic. */
  readonly shopPorts: readonly number[]
  /** Instances whose start did not end in a healthy answer, one sentence each. */
  readonly problems: readonly string[]
  /** Processes that run now, by instance. */
  pids(): ReadonlyMap<string, number | null>
  /** The instance to be broken. Errors: when it does not run. */
  victim(service: 'shop' | 'stock', instance: string): Victim
  stop(): Promise<void>
}

const HOST = '127.0.0.1'
const COPIES = [1, 2, 3] as const

/** Below the range that systems hand out by themselves (from 32,768 on Linux). */
const PORTS = { first: 20_000, last: 32_767 } as const
const TRIES_MAX = 200

/**
 * Ports that are free now and stay so until the services take them, but for a neighbour that picks
 * the same one. Ports handed out by the system would not: any outgoing connection may get one next.
 * Errors: HS_PORT_IN_USE when none can be found.
 */
async function freePorts(count: number): Promise<readonly number[]> {
  const found = new Set<number>()
  for (let i = 0; i < TRIES_MAX && found.size < count; i++) {
    const port = randomInt(PORTS.first, PORTS.last + 1)
    if (await isFree(port)) found.add(port)
  }
  if (found.size === count) return [...found]
  throw new HsError(
    'HS_PORT_IN_USE',
    `no ${count} free ports from ${PORTS.first} to ${PORTS.last}`,
    {
      fix: 'End something that listens there, then start the demo again.',
    },
  )
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ host: HOST, port }, () => server.close(() => resolve(true)))
  })
}

function instanceOf(
  service: 'shop' | 'stock',
  copy: number,
  how: { port: number; peers: readonly number[]; mark: string | undefined },
): AgentInstance {
  const instance = `${service}-${copy}`
  const main = fileURLToPath(new URL('./service/main.js', import.meta.url))
  const peers = how.peers.map((port) => `${HOST}:${port}`).join(',')
  const mark = how.mark === undefined ? {} : { HEALSTREAM_DEMO_RUN: how.mark }
  return {
    service: serviceId(service),
    instance: instanceId(instance),
    host: HOST,
    port: how.port,
    healthPath: '/health',
    command: (intake) => ({
      argv: [
        process.execPath,
        main,
        `--service=${service}`,
        `--instance=${instance}`,
        `--port=${how.port}`,
        `--intake=${intake.host}:${intake.port}`,
        `--peers=${peers}`,
      ],
      env: { HEALSTREAM_INTAKE_TOKEN: intake.token, ...mark },
    }),
  }
}

/** Errors: what an agent cannot start with; what was started by then is stopped. */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { folder, mark, connect, ...shared } = options
  const ports = await freePorts(2 * COPIES.length)
  const stockPorts = ports.slice(0, COPIES.length)
  const shopPorts = ports.slice(COPIES.length)
  const agents = new Map<string, AgentHandle>()
  const stop = async (): Promise<void> => {
    await Promise.all([...agents.values()].map((agent) => agent.stop()))
  }
  const start = async (
    service: 'shop' | 'stock',
    own: readonly number[],
    peers: readonly number[],
  ): Promise<void> => {
    const agent = await startAgent({
      ...shared,
      log: connect(`agent-${service}`),
      agentId: agentId(`agent-${service}`),
      stateDir: join(folder, `agent-${service}`),
      instances: COPIES.map((copy, i) =>
        instanceOf(service, copy, { port: own[i] ?? 0, peers, mark }),
      ),
      probeProfile: 'fast',
    })
    agents.set(service, agent)
  }
  try {
    await start('stock', stockPorts, [])
    await start('shop', shopPorts, stockPorts)
  } catch (error) {
    await stop()
    throw error
  }
  return {
    shopPorts,
    problems: [...agents.values()].flatMap((agent) =>
      agent.started
        .filter(({ answered }) => !answered)
        .map(({ instance, detail }) => `${instance}: ${detail}`),
    ),
    pids: () => new Map([...agents.values()].flatMap((agent) => [...agent.pids()])),
    victim: (service, instance) => {
      const agent = agents.get(service)
      const pid = agent?.pids().get(instance) ?? null
      if (agent === undefined || pid === null) throw new Error(`${instance} does not run`)
      const i = Number(instance.slice(-1)) - 1
      const port = (service === 'shop' ? shopPorts : stockPorts)[i] ?? 0
      return { service, instance, pid, port, token: agent.intake.token }
    },
    stop,
  }
}
