// F51: a schema that does not fit those before it. The registry refuses it; where somebody makes it
// take it, records of it are dead letters, and whoever writes the old ones goes on.
import assert from 'node:assert/strict'
import { healstream } from '../cli/command.ts'
import { type OwnRegistry, startOwnRegistry } from '../support/kafka/registry.ts'
import { heartbeat } from '../support/records.ts'
import { type RoleProcess, startRole } from '../support/role-process.ts'
import type { Scene } from './scene.ts'
import { Stranger } from './stranger.ts'

const SOON_MS = 30_000
const SERVICE = 'shop'

async function ask(url: string, method: string, body: object): Promise<Response> {
  const headers = { 'content-type': 'application/vnd.schemaregistry.v1+json' }
  return await fetch(url, { method, headers, body: JSON.stringify(body) })
}

async function startWorker(scene: Scene, where: readonly string[]): Promise<RoleProcess> {
  const args = ['worker', ...where, '--group', `${scene.prefix}workers`]
  const worker = startRole(args, { HOME: scene.folder })
  scene.after(() => worker.end('SIGKILL'))
  const isUp = async (): Promise<boolean> => {
    const answer = await fetch(`${await worker.url()}/readyz`).catch(() => null)
    return answer?.status === 200
  }
  await scene.until('the worker is ready', isUp, 2 * SOON_MS)
  return worker
}

async function setUp(scene: Scene): Promise<{ registry: OwnRegistry; where: readonly string[] }> {
  const registry = await startOwnRegistry()
  scene.after(() => registry.stop())
  const brokers = scene.kafka.brokers.join(',')
  const where = ['--brokers', brokers, '--prefix', scene.prefix, '--registry', registry.url]
  const shape = ['--partitions', '1', '--replicas', '3', '--dev']
  const { code, stderr } = await healstream(['init', ...where, ...shape])
  assert.equal(code, 0, stderr)
  return { registry, where }
}

export async function badSchema(scene: Scene): Promise<void> {
  const { registry, where } = await setUp(scene)
  const worker = await startWorker(scene, where)
  const stranger = await Stranger.meet(scene, {
    registry: { url: registry.url },
    prefix: scene.prefix,
  })
  const isSeen = async (instance: string): Promise<void> => {
    const said = heartbeat({ service: SERVICE, instance, atMs: Date.now() })
    await stranger.send('signals', 0, [[SERVICE, said]])
    const seen = async (): Promise<boolean> =>
      (await stranger.read('registry', 0)).some((row) => row.instance === instance)
    await scene.until(`${instance} is in the registry`, seen, SOON_MS)
  }
  await isSeen('before')
  const subject = `${registry.url}/subjects/${scene.prefix}signals-value/versions`
  const name = { type: 'record', name: 'Signal', namespace: 'io.healstream' }
  const schema = JSON.stringify({ ...name, fields: [{ name: 'other', type: 'long' }] })
  assert.equal((await ask(subject, 'POST', { schema })).status, 409)
  const level = `${registry.url}/config/${scene.prefix}signals-value`
  assert.equal((await ask(level, 'PUT', { compatibility: 'NONE' })).status, 200)
  const taken = await ask(subject, 'POST', { schema })
  assert.equal(taken.status, 200)
  const id = Number(/"id":(\d+)/.exec(await taken.text())?.[1])
  const value = Buffer.from([0, 0, 0, 0, 0, 84])
  value.writeInt32BE(id, 1)
  const offset = await stranger.sendBytes('signals', 0, [[SERVICE, value]])
  await isSeen('behind')
  const letters = (await stranger.read('dlq', 0)).filter(({ task }) => task === 's0')
  assert.deepEqual(
    letters.map(({ reason, origin_offset }) => [reason, origin_offset]),
    [['unknown_schema', offset]],
  )
  assert.ok(letters[0]?.detail.includes(String(id)))
  // The registry still has ours: a worker that starts now goes on, and a person can see it.
  await worker.end()
  await startWorker(scene, where)
  await isSeen('after')
  const { code, stdout } = await healstream(['schemas', 'check', '-o', 'json', ...where.slice(2)])
  assert.equal(code, 1)
  assert.match(stdout, /wrong_level/)
}
