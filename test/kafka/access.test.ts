// Brokers behind TLS and SASL that check ACLs (F61): every role does its work with exactly what
// `healstream acls` prints for it; with one thing less it refuses to start, and it and doctor name
// what is missing.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createInspector } from '../../src/adapters/kafka/inspect.ts'
import type { KafkaOptions } from '../../src/adapters/kafka/options.ts'
import { type Access, accessOf, ROLES, type Role } from '../../src/config/access.ts'
import { missingAccess } from '../../src/roles/doctor/access.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { Authority } from '../adapters/kafka/certificates.ts'
import { healstream, MAIN } from '../cli/command.ts'
import { type SecuredKafka, startSecured, unsecuredToken } from '../support/kafka/secured.ts'

const SERVICE = fileURLToPath(new URL('./plain-service.mjs', import.meta.url))
const NAMES = { prefix: 'hs.', group: 'healstream' }
const folder = mkdtempSync(join(tmpdir(), 'healstream-access-'))
const authority = new Authority('access test')
let kafka: SecuredKafka

/** How each role comes in; the agent has no password but a token. */
const MECHANISMS = {
  operator: 'SCRAM-SHA-512',
  worker: 'SCRAM-SHA-512',
  projector: 'PLAIN',
  notifier: 'SCRAM-SHA-512',
}

beforeAll(async () => {
  const certificate = authority.issue('broker', 'IP:127.0.0.1')
  const users = {
    operator: 'op-secret',
    worker: 'w-secret',
    projector: 'p-secret',
    notifier: 'n-secret',
  }
  kafka = await startSecured({ authority, certificate, users })
  for (const [user, password] of Object.entries(users)) kafka.secretFile(user, password)
  kafka.secretFile('agent', unsecuredToken('agent'))
  for (const { principal, access } of await printed()) await kafka.grant(principal, access)
})
afterAll(async () => {
  await kafka?.stop()
  authority.remove()
  rmSync(folder, { recursive: true, force: true })
})

/** What `healstream acls` prints for programs. */
async function printed(): Promise<{ role: Role; principal: string; access: Access[] }[]> {
  const { code, stdout } = await healstream(['acls', '-o', 'json'], { env: { HOME: folder } })
  expect(code).toBe(0)
  return JSON.parse(stdout)
}

const secretOf = (role: Role): string => join(authority.folder, `${role}.secret`)

function envOf(role: Role): Record<string, string> {
  const who =
    role === 'agent'
      ? { HEALSTREAM_KAFKA_SASL_TOKEN_FILE: secretOf(role) }
      : {
          HEALSTREAM_KAFKA_SASL_USERNAME: role,
          HEALSTREAM_KAFKA_SASL_PASSWORD_FILE: secretOf(role),
        }
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: folder,
    XDG_RUNTIME_DIR: folder,
    HEALSTREAM_KAFKA_BROKERS: kafka.address,
    HEALSTREAM_KAFKA_TLS_CA_FILE: kafka.caFile,
    HEALSTREAM_KAFKA_SASL_MECHANISM: role === 'agent' ? 'OAUTHBEARER' : MECHANISMS[role],
    ...who,
  }
}

function optionsOf(role: Role): KafkaOptions {
  const file = secretOf(role)
  const sasl =
    role === 'agent'
      ? ({ mechanism: 'OAUTHBEARER', token: { file } } as const)
      : ({ mechanism: 'SCRAM-SHA-512', username: role, password: { file } } as const)
  return { brokers: [kafka.address], clock: systemClock, tls: { caFile: kafka.caFile }, sasl }
}

async function until<T>(what: string, look: () => Promise<T | null>): Promise<T> {
  const endMs = performance.now() + 60_000
  for (;;) {
    const found = await look()
    if (found !== null) return found
    if (performance.now() > endMs) throw new Error(`${what} did not come within 60 s`)
    await sleep(50)
  }
}

/** A role as a process of its own, until it says that it is ready. */
async function startRole(role: Role, ...args: readonly string[]): Promise<() => Promise<void>> {
  const child = spawn(process.execPath, [MAIN, role, '--port=0', ...args], {
    env: envOf(role),
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve())
  })
  const url = await until(`the address of ${role}`, async () => {
    if (child.exitCode !== null) throw new Error(`${role} ended:\n${said}`)
    return /"url":"(http:[^"]+)"/.exec(said)?.[1] ?? null
  })
  await until(`${role} being ready (${url})`, async () => {
    if (child.exitCode !== null) throw new Error(`${role} ended:\n${said}`)
    return (await fetch(`${url}/readyz`)).ok || null
  })
  return async () => {
    child.kill('SIGTERM')
    await ended
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

function notifierFile(): string {
  const file = join(folder, 'notifier.yaml')
  const sinks = '[{name: screen, kind: console}]'
  writeFileSync(file, `notifier: {sinks: ${sinks}, routes: {page: [screen]}}`)
  return file
}

async function agentFile(): Promise<string> {
  const port = await freePort()
  const file = join(folder, 'agent.yaml')
  const text = `
agent:
  id: agent-1
  stateDir: ${join(folder, 'agent')}
  instances:
    - service: shop
      instance: shop-1
      port: ${port}
      healthPath: /health
      command: [${process.execPath}, ${SERVICE}, '${port}']
`
  writeFileSync(file, text)
  return file
}

describe('with exactly what is printed', () => {
  test('operator, worker, agent, projector and notifier do their work', async () => {
    const init = await healstream(['init', '--dev', '--partitions', '2', '-o', 'json'], {
      env: envOf('operator'),
    })
    expect(init.stderr + init.stdout).not.toContain('HS_')
    expect(init.code).toBe(0)
    const stops = [await startRole('worker'), await startRole('projector')]
    try {
      stops.push(await startRole('notifier', `--config=${notifierFile()}`))
      stops.push(await startRole('agent', `--config=${await agentFile()}`))
      // Sent by the agent, taken in and written by the worker, read by the projector.
      const health = await until('a healthy instance', async () => {
        const { stdout } = await healstream(['get', 'instances', '-o', 'json'], {
          env: envOf('projector'),
        })
        const [instance] = stdout.startsWith('[') ? JSON.parse(stdout) : []
        return instance?.health === 'healthy' ? instance.instance : null
      })
      expect(health).toBe('shop-1')
    } finally {
      for (const stop of stops) await stop()
    }
  })

  test.each(ROLES)('doctor has nothing to say against %s', async (role) => {
    const { code, stdout } = await healstream(['doctor', '--role', role, '-o', 'json'], {
      env: envOf(role),
    })
    const { findings } = JSON.parse(stdout)
    expect(findings.filter((one: { level: string }) => one.level === 'fail')).toEqual([])
    expect(code).toBe(0)
  })
})

describe('with one thing less', () => {
  async function missing(role: Role): Promise<readonly Access[]> {
    const inspector = createInspector(optionsOf(role))
    try {
      return await missingAccess(inspector, { ...NAMES, role, principal: `User:${role}` })
    } finally {
      inspector.close()
    }
  }

  test.each(['worker', 'agent'] as const)('each thing of %s is missed', async (role) => {
    for (const access of accessOf(role, NAMES)) {
      await kafka.revoke(`User:${role}`, access)
      const found = await until(`${access.name} being missed`, async () => {
        const all = await missing(role)
        return all.length === 0 ? null : all
      })
      await kafka.grant(`User:${role}`, [access])
      expect(found).toEqual([access])
      await until('nothing being missed', async () => (await missing(role)).length === 0 || null)
    }
  })

  test.each([
    ['worker', 'hs.commands', 'Write', []],
    ['worker', 'healstream', 'Read', []],
    ['worker', 'hs.', 'Write', []],
    ['agent', 'hs.signals', 'Write', ['--config']],
  ] as const)(
    '%s refuses to start without %s, and doctor says so',
    async (role, name, operation, flags) => {
      const access = accessOf(role, NAMES).find((one) => one.name === name)
      if (access === undefined) throw new Error(`${role} does not need ${name}`)
      await kafka.revoke(`User:${role}`, access)
      try {
        const doctor = await until('doctor missing it', async () => {
          const ran = await healstream(['doctor', '--role', role], { env: envOf(role) })
          return ran.code === 0 ? null : ran
        })
        expect(doctor.code).toBe(1)
        expect(doctor.stdout).toMatch(new RegExp(`fail +access +role ${role} may not ${operation}`))
        expect(doctor.stdout).toContain(
          `--allow-principal User:${role === 'agent' ? 'NAME' : role}`,
        )
        const file = await agentFile()
        const more = flags.map((flag) => `${flag}=${file}`)
        const start = await healstream([role, ...more], { env: envOf(role) })
        expect(start.code).toBe(3)
        expect(start.stderr).toContain('HS_NO_ACCESS')
        expect(start.stderr).toContain(name)
      } finally {
        await kafka.grant(`User:${role}`, [access])
      }
    },
  )
})
