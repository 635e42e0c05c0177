// Every reading command as a process, against a real endpoint over an embedded log: tables and
// JSON, exit codes, what is said to do next, closed pipes, hostile names.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startHttpServer } from '../../src/adapters/http/server.ts'
import { createMemoryLog } from '../../src/adapters/memory/memory-log.ts'
import { createSerde } from '../../src/adapters/serde/serde.ts'
import { clusterId, instanceId } from '../../src/contracts/ids.ts'
import type { RecordOf } from '../../src/contracts/records.ts'
import { encodeUtf8 } from '../../src/contracts/utf8.ts'
import { viewKey } from '../../src/contracts/view-key.ts'
import { PolicyStore } from '../../src/roles/projector/policy-store.ts'
import { startProjector } from '../../src/roles/projector/projector.ts'
import { Reasons } from '../../src/roles/projector/reasons.ts'
import { readingRoutes } from '../../src/roles/projector/routes.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { SILENT } from '../../src/runtime/instruments.ts'
import { claimRun, runFolder } from '../../src/runtime/run-file.ts'
import { aCommand, aHealth, anEntry, anEvent, aResult } from '../roles/projector/records.ts'
import { healstream } from './command.ts'

const PREFIX = 'hs.'
const PARTITIONS = 2
const KINDS = ['health', 'registry', 'incidents', 'commands', 'results', 'policies', 'signals']
const EVIL = instanceId('evil\u009B2J')
const base = mkdtempSync(join(tmpdir(), 'healstream-cli-'))
const env = { XDG_RUNTIME_DIR: base, HOME: base }
let genesis = true
const ends: (() => Promise<unknown> | void)[] = []

beforeAll(async () => {
  const log = createMemoryLog()
  const serde = await createSerde()
  const admin = log.admin()
  await admin.createTopics(
    KINDS.map((kind) => ({ topic: PREFIX + kind, partitions: PARTITIONS, config: {} })),
  )
  await admin.close()
  const shared = { log, clock: systemClock, prefix: PREFIX, partitions: PARTITIONS }
  const projector = startProjector({ ...shared, decoder: serde, instruments: SILENT })
  const producer = log.producer()
  const record = <K extends keyof RecordOf>(topic: K, key: string, body: RecordOf[K]) => ({
    topic: PREFIX + topic,
    partition: 0,
    key: encodeUtf8(key),
    value: serde.encode(topic, body),
    timestampMs: Date.now(),
  })
  const key = viewKey('stock', 'stock-2')
  await producer.send([
    record('registry', key, anEntry()),
    record('health', key, aHealth({ health: 'unhealthy', reason: 'does not answer' })),
    record('health', viewKey('stock', EVIL), aHealth({ instance: EVIL })),
    record('health', viewKey('stock', null), aHealth({ instance: null })),
    record('incidents', 'i-1', anEvent({ summary: 'stock-2 is \u001B[31munhealthy' })),
    record('commands', 'stock', aCommand()),
    record('results', 'stock', aResult({ outcome: 'succeeded' })),
  ])
  await producer.close()
  await vi.waitFor(() => expect(projector.model.incidents()).toHaveLength(1))
  const run = claimRun(runFolder(env), Date.now(), null)
  const policies = new PolicyStore({ ...shared, encoder: serde, views: projector })
  const routes = readingRoutes({
    source: { ...shared, decoder: serde },
    views: projector,
    policies,
    reasons: new Reasons({ ...shared, decoder: serde, clusterId: clusterId('c') }),
    init: async () => {
      const created = !genesis
      genesis = true
      return { clusterId: await log.clusterId(), created }
    },
    hasGenesis: () => genesis,
  })
  const server = await startHttpServer({ port: 0, token: run.token, routes })
  run.publish(server.url)
  ends.push(
    () => server.close(),
    () => projector.stop(),
    () => log.close(),
    () => run.remove(),
  )
})
afterAll(async () => {
  for (const end of ends) await end()
  rmSync(base, { recursive: true, force: true })
})

const lines = (text: string): string[] => text.trimEnd().split('\n')

test('get services: a table on stdout, what to type next on stderr', async () => {
  const { code, stdout, stderr } = await healstream(['get', 'services'], { env })
  expect(code).toBe(0)
  expect(lines(stdout)[0]).toMatch(/^SERVICE +HEALTH +HEALTHY +ROUTABLE/)
  expect(lines(stdout)[1]).toMatch(/^stock +healthy +1\/2 +2\/2 +200 +99.0 % +4.2 ms +1 /)
  expect(lines(stderr)).toEqual([
    expect.stringMatching(/^as of \d\d:\d\d:\d\d[.]\d{3}, from memory$/),
    'next: npx healstream get incidents --open',
  ])
})

test.each(['services', 'instances', 'incidents', 'commands', 'policies'])(
  'get %s -o json is one document on stdout and silence on stderr',
  async (what) => {
    const { code, stdout, stderr } = await healstream(['get', what, '-o', 'json'], { env })
    expect([code, stderr]).toEqual([0, ''])
    expect(JSON.parse(stdout)).toBeInstanceOf(Array)
  },
)

test('explain INSTANCE: what is judged of it; one that is not there is named', async () => {
  const { code, stdout, stderr } = await healstream(['explain', 'stock-2'], { env })
  expect(code).toBe(0)
  expect(lines(stdout).slice(0, 2)).toEqual([
    'stock/stock-2, incarnation 1',
    'health     unhealthy: does not answer',
  ])
  expect(lines(stderr).at(-1)).toMatch(/^next: npx healstream /)
  const json = await healstream(['explain', 'instance', 'stock-2', '-o', 'json'], { env })
  expect(JSON.parse(json.stdout)).toMatchObject({ instance: 'stock-2', score: null })
  const none = await healstream(['explain', 'stock-9', '--service', 'stock'], { env })
  expect(none.code).toBe(1)
  expect(none.stderr).toContain('there is no instance "stock-9"')
})

test('names and sentences of others cannot move the cursor, in tables or in JSON', async () => {
  for (const args of [
    ['get', 'instances'],
    ['get', 'instances', '-o', 'json'],
    ['get', 'incidents'],
  ]) {
    const { stdout, stderr } = await healstream(args, { env })
    // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
    expect(stdout + stderr).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F-\u009F]/)
    expect(stdout).toMatch(/\\u00(9b|1b)/)
  }
})

test('filters: by service, only open ones', async () => {
  const of = async (...args: string[]) => {
    const { stdout } = await healstream(['get', ...args, '-o', 'json'], { env })
    return JSON.parse(stdout).length
  }
  expect(await of('instances', '--service', 'shop')).toBe(0)
  expect(await of('instances', '--service', 'stock')).toBe(2)
  expect(await of('incidents', '--open')).toBe(1)
  const none = await healstream(['get', 'incidents', '--service', 'shpo'], { env })
  expect(none.code).toBe(0)
  expect(none.stderr).toContain('nothing of service "shpo"')
})

test('describe and explain print the incident; an unknown one ends with 1', async () => {
  const described = await healstream(['describe', 'incident', 'i-1'], { env })
  expect(described.code).toBe(0)
  expect(described.stdout).toContain('Incident i-1\n')
  expect(described.stdout).toContain('restart of stock-2 (incarnation 1) by agent-1, enforce')
  const explained = await healstream(['explain', 'incident', 'i-1', '-o', 'json'], { env })
  expect(JSON.parse(explained.stdout)).toMatchObject({ incident_id: 'i-1', open: true })
  const latest = await healstream(['explain', 'incident', 'latest'], { env })
  expect(latest.stdout).toContain('Incident i-1\n')
  expect(lines(latest.stderr).slice(1)).toEqual([
    'next: npx healstream describe incident i-1',
    'next: npx healstream explain reason i-1',
  ])
  const unknown = await healstream(['explain', 'incident', 'nope'], { env })
  expect(unknown).toMatchObject({ code: 1, stdout: '' })
  expect(lines(unknown.stderr)).toEqual([
    'HS_NOT_FOUND: there is no incident "nope"',
    'List them with `healstream get incidents`.',
  ])
  const ops = await healstream(['describe', 'incident', 'ops'], { env })
  expect(ops.code).toBe(1)
  expect(ops.stderr).toContain('nothing has happened to the tasks themselves')
})

test('tail: lines of JSON; ends at its limit, and quietly when the reader hangs up', async () => {
  const args = ['tail', 'health', '--from', 'earliest', '-o', 'json']
  const all = await healstream([...args, '--no-follow'], { env })
  expect(all.code).toBe(0)
  expect(lines(all.stdout).map((line) => JSON.parse(line).offset)).toEqual([0, 1, 2])
  const two = await healstream([...args, '--limit', '2'], { env })
  expect(lines(two.stdout)).toHaveLength(2)
  const head = await healstream([...args, '--limit', '2'], { env, hangUp: true })
  expect(head).toMatchObject({ code: 0, stderr: '' })
  const wrong = await healstream(['tail', 'helth'], { env })
  expect(wrong.code).toBe(2)
  expect(wrong.stderr).toContain('HS_USAGE: there is no topic "helth"\nTopics: policies,')
})

const POLICY = `
apiVersion: healstream.io/v1
kind: HealPolicy
metadata: { name: restart-dead }
spec: { match: { services: [stock] }, trigger: 'health == "unhealthy"', action: restart_instance }
`

test('policy apply: dry run, first version, repeated, changed; policy get shows it', async () => {
  const file = join(base, 'p.yaml')
  writeFileSync(file, POLICY)
  const apply = async (...more: string[]) => {
    const ran = await healstream(['policy', 'apply', file, '-o', 'json', ...more], { env })
    return JSON.parse(ran.stdout)
  }
  expect(await apply('--dry-run')).toMatchObject([{ outcome: 'created', dry_run: true }])
  expect(await apply()).toMatchObject([{ outcome: 'created', version: 1, dry_run: false }])
  expect(await apply()).toMatchObject([{ outcome: 'unchanged', version: 1 }])
  writeFileSync(file, POLICY.replace('unhealthy', 'unstable'))
  expect(await apply('--comment', 'try')).toMatchObject([{ outcome: 'updated', version: 2 }])
  const got = await healstream(['policy', 'get', 'restart-dead'], { env })
  expect(got.stdout).toMatch(/^# HealPolicy restart-dead v2, sha256 [0-9a-f]{64}\n/)
  expect((await healstream(['policy', 'get', 'nope'], { env })).code).toBe(1)
})

// What lint found fine was refused by apply: the endpoint took 64 kB, a policy file may have 256.
test('a policy file of any allowed size can be applied', async () => {
  const file = join(base, 'large.yaml')
  writeFileSync(file, `${POLICY.replace('restart-dead', 'large')}${'# "x"\n'.repeat(40_000)}`)
  const lint = await healstream(['policy', 'lint', file], { env })
  expect(lint).toMatchObject({ code: 0, stderr: expect.stringContaining('1 document fine') })
  const ran = await healstream(['policy', 'apply', '--dry-run', file, '-o', 'json'], { env })
  expect(JSON.parse(ran.stdout)).toMatchObject([{ outcome: 'created' }])
})

test('a bad policy is shown with its place, and nothing of its batch is sent', async () => {
  const good = join(base, 'good.yaml')
  const bad = join(base, 'bad.yaml')
  writeFileSync(good, POLICY.replace('restart-dead', 'never-sent'))
  writeFileSync(bad, POLICY.replace('action: restart_instance', 'acton: restart_instance'))
  const applied = await healstream(['policy', 'apply', good, bad], { env })
  expect([applied.code, applied.stdout]).toEqual([2, ''])
  expect(applied.stderr).toMatch(/HS_POLICY: .*bad[.]yaml:5:\d+: error: /)
  expect(applied.stderr).toContain('did you mean "action"?')
  const listed = await healstream(['get', 'policies', '-o', 'json'], { env })
  expect(listed.stdout).not.toContain('never-sent')
  const lint = await healstream(['policy', 'lint', bad, '-o', 'json'], { env })
  expect(lint.code).toBe(1)
  expect(JSON.parse(lint.stdout).findings[0]).toMatchObject({ line: 5, severity: 'error' })
})

test('S3-43, M12: promote, diff, explain, rollback; the history shows all versions', async () => {
  const file = join(base, 'ladder.yaml')
  writeFileSync(file, POLICY.replace('restart-dead', 'ladder'))
  const policy = (...words: string[]) => healstream(['policy', ...words], { env })
  expect((await policy('apply', file)).code).toBe(0)
  expect((await policy('promote', 'ladder')).stdout).toBe(
    'ladder version 2: promoted from observe to dry_run\n',
  )
  const skipped = await policy('promote', 'ladder', '--to', 'enforce')
  expect([skipped.code, skipped.stdout]).toEqual([2, ''])
  expect(skipped.stderr).toContain('from dry_run to enforce skips canary')
  const forced = ['--to', 'enforce', '--force']
  expect((await policy('promote', 'ladder', ...forced)).stderr).toContain('--force needs a reason')
  const why = [...forced, '--reason', 'fire']
  expect((await policy('promote', 'ladder', ...why)).stdout).toContain('to enforce: fire')
  const changed = await policy('diff', 'ladder@1', 'ladder')
  expect(changed.stdout).toBe('HealPolicy ladder:\n  mode: "observe" → "enforce"\n')
  const back = await policy('rollback', 'ladder', '--to', '1', '-o', 'json')
  expect(JSON.parse(back.stdout)).toMatchObject({
    version: 4,
    comment: 'rolled back from version 3 to 1',
  })
  expect((await policy('diff', file)).stdout).toBe('HealPolicy ladder: the same\n')
  expect((await policy('rollback', 'ladder')).stdout).toContain('from version 4 to 3')
  const missing = await policy('rollback', 'ladder', '--to', '9')
  expect(missing.stderr).toContain('Versions are 1, 2, 3, 4, 5.')
  const explained = await policy('explain', 'ladder')
  expect(explained.stdout).toContain('Matches when health == "unhealthy", at once.')
  expect(explained.stdout).toMatch(/stock +stock-2 +enforce +holds now/)
})

test('policy test runs files, writes JUnit and ends with 1 when one fails', async () => {
  const file = join(base, 'tests.yaml')
  const junit = join(base, 'junit.xml')
  writeFileSync(join(base, 'tested.yaml'), POLICY.replace('restart-dead', 'tested'))
  const tests = (acts: boolean): string =>
    `policies: [tested.yaml]
tests:
  - name: sick
    service: stock
    inputSeries:
      - { instance: a, fact: health, values: 'healthyx4 unhealthyx9' }
      - { instance: a, fact: self_evident, values: 'falsex4 truex9' }
      - { instance: a, fact: probe, values: 'upx4 downx9' }
    expect: [{ at: 5s, policy: tested, instance: a, acts: ${acts} }]
`
  writeFileSync(file, tests(true))
  const fine = await healstream(['policy', 'test', file, '--coverage', '--junit', junit], { env })
  expect([fine.code, fine.stdout]).toEqual([0, `ok   ${file}:3 sick\n`])
  expect(fine.stderr).toContain('1 passed, 0 failed; 1 of 1 clauses seen true and false')
  expect(readFileSync(junit, 'utf8')).toContain('<testsuites tests="1" failures="0">')
  writeFileSync(file, tests(false))
  const failed = await healstream(['policy', 'test', file, '-o', 'json'], { env })
  expect([failed.code, JSON.parse(failed.stdout).failed]).toEqual([1, 1])
})

test('without a genesis a command names the next step, and init is that step', async () => {
  genesis = false
  const before = await healstream(['get', 'services'], { env })
  expect(before.code).toBe(2)
  expect(before.stderr).toContain('HS_NO_GENESIS: ')
  expect(before.stderr).toContain('Run `healstream init` once for this cluster.')
  const init = await healstream(['init', '-o', 'json'], { env })
  expect(JSON.parse(init.stdout)).toMatchObject({ created: true })
  expect((await healstream(['get', 'services'], { env })).code).toBe(0)
})

test('a wrong token and a dead address end with 3 and a sentence', async () => {
  const tokenFile = join(base, 'wrong-token')
  writeFileSync(tokenFile, 'wrong')
  const wrong = await healstream(['get', 'services', '--token-file', tokenFile], { env })
  expect(wrong.code).toBe(3)
  expect(wrong.stderr).toMatch(/^HS_UNAUTHORIZED: /)
  const args = ['get', 'services', '--url', 'http://127.0.0.1:9', '--token-file', tokenFile]
  const dead = await healstream([...args, '-o', 'json'], { env })
  expect(dead.code).toBe(3)
  expect(JSON.parse(dead.stderr)).toMatchObject({
    error: { code: 'HS_UNREACHABLE', message: expect.stringContaining('nothing answers at') },
  })
})
