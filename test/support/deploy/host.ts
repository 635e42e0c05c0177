// Services of docker-compose.yml as processes of this machine: the same command, environment and
// health check. What a container would give of its own is put in its place: names of hosts become
// 127.0.0.1, ports become free ones, paths of volumes become folders, and the programs of an image
// become those that are here. For Kafka that is the very class that turns the image's variables
// into settings.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import {
  fetchKafka,
  fetchRegistry,
  javaCommand,
  registryRunner,
} from '../../../scripts/lib/servers/fetch.mjs'
import { type Compose, type ComposeService, execForm, imageEnv, ROOT } from './compose.ts'

/** Ports that a service has inside its container. */
const PORTS: Readonly<Record<string, readonly number[]>> = {
  kafka: [19_092, 9092, 9093],
  registry: [8080],
  redis: [6379],
  worker: [8080],
  projector: [8080],
}

export interface HostService {
  /** Runs the health check once, as the engine would. */
  healthy(): boolean
  start(): Promise<void>
  /** SIGTERM, then SIGKILL after the grace period. Code, or null when it had to be killed. */
  stop(): Promise<number | null>
  /** Runs a program of the service's image beside it, as `docker compose exec`. */
  exec(argv: readonly string[]): { code: number | null; stdout: string; stderr: string }
  readonly log: string
  /** Resolves with the code of a service that ends by itself. */
  readonly ended: Promise<number | null>
}

export function seconds(text: string | undefined): number {
  const found = /^(\d+)s$/.exec(text ?? '')?.[1]
  if (found === undefined) throw new Error(`${text}: no number of seconds`)
  return Number(found)
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

export class HostServices {
  readonly #compose: Compose
  readonly #folder: string
  readonly #ports = new Map<string, number>()
  readonly #running = new Set<ChildProcess>()
  #jars = ''

  private constructor(compose: Compose, folder: string) {
    this.#compose = compose
    this.#folder = folder
  }

  /** Jars are fetched here when they are not there. */
  static async prepare(compose: Compose, folder: string): Promise<HostServices> {
    const host = new HostServices(compose, folder)
    for (const [service, ports] of Object.entries(PORTS)) {
      for (const port of ports) host.#ports.set(`${service}:${port}`, await freePort())
    }
    const version = /:(.+)$/.exec(compose.services['kafka']?.image ?? '')?.[1] ?? ''
    host.#jars = `${await fetchKafka(version, () => {})}/*`
    await fetchRegistry(() => {})
    return host
  }

  /** The text as it is meant inside the service, for this machine. */
  #here(name: string, text: string): string {
    const others = text.replaceAll(/\b([a-z]+):(\d+)\b/g, (whole, service, port) => {
      const mapped = this.#ports.get(`${service}:${port}`)
      return mapped === undefined ? whole : `127.0.0.1:${mapped}`
    })
    const own = others.replaceAll(/(?<![\d.@])\d{4,5}(?!\d)/g, (port) =>
      String(this.#ports.get(`${name}:${port}`) ?? port),
    )
    let moved = own.replaceAll('/opt/kafka/bin/', `${this.#place('kafka', 'bin')}/`)
    for (const volume of this.#service(name).volumes) {
      const target = volume.split(':')[1] ?? volume
      moved = moved.replaceAll(target, this.#place(name, 'volume'))
    }
    return moved
  }

  #service(name: string): ComposeService {
    const found = this.#compose.services[name]
    if (found === undefined) throw new Error(`there is no service ${name}`)
    return found
  }

  #place(name: string, part: string): string {
    const path = join(this.#folder, name, part)
    mkdirSync(path, { recursive: true })
    return path
  }

  #env(name: string): Record<string, string> {
    const { environment, build } = this.#service(name)
    const image: Readonly<Record<string, string>> = build === undefined ? {} : imageEnv()
    const entries = Object.entries({ ...image, ...environment }).map(([key, value]) => [
      key,
      this.#here(name, value),
    ])
    const home = { PATH: process.env['PATH'], HOME: this.#place(name, 'home') }
    const own = { ...home, ...Object.fromEntries(entries) }
    return build === undefined ? own : { ...own, XDG_RUNTIME_DIR: this.#place(name, 'tmp') }
  }

  /** What the image starts: program and arguments. */
  #argv(name: string): readonly string[] {
    const { build, command = [] } = this.#service(name)
    if (build !== undefined) {
      const [entry, ...more] = execForm('ENTRYPOINT')
      if (entry !== 'healstream') throw new Error(`ENTRYPOINT is ${entry}`)
      return [process.execPath, `${ROOT}dist/cli/main.js`, ...more, ...command]
    }
    if (name === 'kafka') return this.#kafka()
    if (name === 'registry') return [javaCommand(), '-jar', registryRunner()]
    return command.map((word) => this.#here(name, word))
  }

  /** As the image does it: its class makes the settings of the variables, then Kafka is started. */
  #kafka(): readonly string[] {
    const folders = ['default', 'mounted', 'final'].map((part) => this.#place('kafka', part))
    const [defaults = '', mounted = '', final = ''] = folders
    const names = ['--default-configs-dir', defaults, '--mounted-configs-dir', mounted]
    const args = ['kafka.docker.KafkaDockerWrapper', 'setup', ...names, '--final-configs-dir']
    const env = this.#env('kafka')
    const made = spawnSync(javaCommand(), ['-cp', this.#jars, ...args, final], { env })
    const said = made.stdout.toString()
    if (made.status !== 0 && !said.includes('already formatted')) throw new Error(said)
    const java = `exec ${javaCommand()} $KAFKA_HEAP_OPTS $KAFKA_JVM_PERFORMANCE_OPTS`
    const bin = this.#place('kafka', 'bin')
    const main = 'org.apache.kafka.tools.BrokerApiVersionsCommand'
    const script = join(bin, 'kafka-broker-api-versions.sh')
    writeFileSync(script, `#!/bin/sh\n${java} -cp '${this.#jars}' ${main} "$@"\n`, { mode: 0o755 })
    const options = `${env['KAFKA_HEAP_OPTS']} ${env['KAFKA_JVM_PERFORMANCE_OPTS']}`.split(' ')
    return [
      javaCommand(),
      ...options,
      '-cp',
      this.#jars,
      'kafka.Kafka',
      `${final}/server.properties`,
    ]
  }

  #healthTest(name: string): readonly string[] {
    const [how, ...rest] = (this.#service(name).healthcheck.test ?? []).map((word) =>
      this.#here(name, word),
    )
    if (how === 'CMD') return rest
    if (how === 'CMD-SHELL') return ['sh', '-c', ...rest]
    throw new Error(`${name}: health check ${how}`)
  }

  of(name: string): HostService {
    const log = join(this.#folder, `${name}.log`)
    const env = this.#env(name)
    let child: ChildProcess | null = null
    let settle: (code: number | null) => void = () => {}
    const ended = new Promise<number | null>((resolve) => {
      settle = resolve
    })
    const exec = (argv: readonly string[]) => {
      const [program = '', ...args] = argv
      const options = { env, encoding: 'utf8' as const, timeout: 20_000 }
      const { status, stdout, stderr } = spawnSync(program, args, options)
      return { code: status, stdout, stderr }
    }
    return {
      log,
      ended,
      exec,
      healthy: () => exec(this.#healthTest(name)).code === 0,
      start: async () => {
        const [program = '', ...args] = this.#argv(name)
        const out = openSync(log, 'a')
        const cwd = this.#place(name, 'home')
        const started = spawn(program, args, { env, cwd, stdio: ['ignore', out, out] })
        this.#running.add(started)
        child = started
        started.on('exit', (code) => {
          this.#running.delete(started)
          settle(code)
        })
        await new Promise((resolve, reject) => {
          started.once('spawn', resolve).once('error', reject)
        })
      },
      stop: async () => {
        const grace = seconds(this.#service(name).stop_grace_period ?? '10s')
        child?.kill('SIGTERM')
        const timer = setTimeout(() => child?.kill('SIGKILL'), grace * 1000)
        const code = await ended
        clearTimeout(timer)
        return code
      },
    }
  }

  /** Ends what still runs and removes everything. */
  async close(): Promise<void> {
    for (const child of this.#running) child.kill('SIGKILL')
    await new Promise((resolve) => setTimeout(resolve, 100))
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 10 })
  }
}
