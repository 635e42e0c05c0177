// Values written and read for every topic, and values nobody of ours wrote. Oracle: avsc on the
// .avsc files.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import avsc from 'avsc'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { SCHEMA_KINDS, type SchemaKind } from '../../../src/adapters/serde/schema-files.ts'
import { type Serde, createSerde } from '../../../src/adapters/serde/serde.ts'
import { clusterId } from '../../../src/contracts/ids.ts'
import type { RecordView } from '../../../src/contracts/record.ts'
import type { RecordOf } from '../../../src/contracts/records.ts'
import { DeltaScratch, decodeTelemetry } from '../../../src/contracts/telemetry-decoder.ts'
import { fullDelta, random, randomDelta, readScratch } from '../../contracts/telemetry-fixture.ts'
import { anyRecord, changedSchemas, readSchema } from './records.ts'

let serde: Serde
beforeAll(async () => {
  serde = await createSerde()
})

function viewOf(value: Uint8Array | null): RecordView {
  const buffer = Buffer.concat([Buffer.alloc(3, 7), value ?? Buffer.alloc(0), Buffer.alloc(3, 7)])
  const [start, end] = value === null ? [-1, -1] : [3, 3 + value.length]
  const none = { offset: 0, timestampMs: 0, keyStart: -1, keyEnd: -1, headersStart: -1 }
  return { buffer, ...none, headerCount: 0, valueStart: start, valueEnd: end }
}

const samples = (kind: SchemaKind, count: number): RecordOf[SchemaKind][] =>
  fc.sample(anyRecord(readSchema(kind)), { numRuns: count, seed: 7 }) as RecordOf[SchemaKind][]

/** Whether any reader may take the value; never throws. */
function outcome(kind: SchemaKind, value: Uint8Array): string {
  const started = performance.now()
  const decoded = serde.decodeBytes(kind, value)
  expect(performance.now() - started).toBeLessThan(1_000)
  return decoded.ok ? 'taken' : decoded.reason
}

describe.each(SCHEMA_KINDS)('topic %s', (kind) => {
  it('reads back what it writes, in the form avsc writes', () => {
    const type = avsc.Type.forSchema(JSON.parse(JSON.stringify(readSchema(kind))))
    for (const record of samples(kind, 200)) {
      const value = serde.encode(kind, record)
      expect(Object.getPrototypeOf(value)).toBe(Uint8Array.prototype)
      const seen = serde.decodeBytes(kind, value)
      expect(seen).toEqual({ ok: true, record })
      expect(serde.decode(kind, viewOf(value))).toEqual({ ok: true, record })
      expect([value[0], Buffer.from(value).readInt32BE(1)]).toEqual([0, serde.schemaId(kind)])
      expect(type.toBuffer(withBuffers(record)).equals(value.subarray(5))).toBe(true)
    }
  })

  it('refuses every prefix and survives every flipped byte', () => {
    const longest = samples(kind, 30).map((record) => serde.encode(kind, record))
    longest.sort((a, b) => b.length - a.length)
    const value = longest[0] ?? new Uint8Array()
    for (let end = 0; end < value.length; end++)
      expect(outcome(kind, value.subarray(0, end))).toMatch(
        end === 0 ? /^empty$/ : end < 5 ? /^not_avro$/ : /^(corrupt|invalid)$/,
      )
    for (let at = 0; at < value.length; at++)
      for (const flip of [0x01, 0x80, 0xff, 0x55]) {
        const bytes = Uint8Array.from(value)
        bytes[at] = (bytes[at] ?? 0) ^ flip
        const reason = outcome(kind, bytes)
        if (at === 0) expect(reason).toBe('not_avro')
        else if (at < 5) expect(reason).toBe('unknown_schema')
      }
    expect(outcome(kind, Uint8Array.of(...value, 0))).toBe('corrupt')
  })

  it('refuses noise and other topics', () => {
    const next = random(5)
    for (let i = 0; i < 500; i++) {
      const noise = Uint8Array.from({ length: 5 + Math.floor(next() * 60) }, () => next() * 256)
      Buffer.from(noise.buffer).writeInt32BE(serde.schemaId(kind), 1)
      noise[0] = 0
      expect(outcome(kind, noise)).toMatch(/^(taken|corrupt|invalid)$/)
    }
    for (const other of SCHEMA_KINDS) {
      if (serde.schemaId(other) === serde.schemaId(kind)) continue
      const value = serde.encode(other, samples(other, 1)[0] ?? fail())
      expect(outcome(kind, value)).toBe('unknown_schema')
    }
  })
})

function fail(): never {
  throw new Error('no sample')
}

function withBuffers(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value)
  if (Array.isArray(value)) return value.map(withBuffers)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, withBuffers(v)]))
}

describe('ids without a registry', () => {
  it('differ wherever the schemas differ', () => {
    const ids = SCHEMA_KINDS.map((kind) => serde.schemaId(kind))
    const schemas = SCHEMA_KINDS.map((kind) => readSchema(kind).name)
    expect(ids.every((id) => Number.isInteger(id) && id >= 0 && id <= 0x7fffffff)).toBe(true)
    expect(new Set(ids).size).toBe(new Set(schemas).size)
  })

  it('do not move while the schemas stay as they are', async () => {
    const again = await createSerde()
    for (const kind of SCHEMA_KINDS) expect(again.schemaId(kind)).toBe(serde.schemaId(kind))
  })
})

describe('a value that is no record', () => {
  it('is refused with a reason and a detail', () => {
    const seen = (value: Uint8Array) => serde.decodeBytes('policies', value)
    expect(serde.decode('policies', viewOf(null))).toMatchObject({ ok: false, reason: 'empty' })
    expect(seen(Buffer.from('{"a":1}'))).toEqual({
      ok: false,
      reason: 'not_avro',
      detail: '7 bytes that begin with 123',
    })
    expect(seen(Uint8Array.of(0, 0xff, 0xff, 0xff, 0xff, 0))).toEqual({
      ok: false,
      reason: 'unknown_schema',
      detail: 'schema id -1 is not one of this topic',
    })
  })

  it('names the field that is not what it should be', () => {
    const [alert] = samples('alerts', 1) as RecordOf['alerts'][]
    const service = 'a\nb' as RecordOf['alerts']['service']
    const value = serde.encode('alerts', { ...(alert ?? fail()), service })
    expect(serde.decodeBytes('alerts', value)).toEqual({
      ok: false,
      reason: 'invalid',
      detail: 'service',
    })
  })

  it('does not get a prototype in through a map', () => {
    const [alert] = samples('alerts', 1) as RecordOf['alerts'][]
    const value = serde.encode('alerts', { ...(alert ?? fail()), labels: { AAproto__: 'x' } })
    const at = Buffer.from(value).indexOf('AAproto__')
    value.set(Buffer.from('__proto__'), at)
    expect(serde.decodeBytes('alerts', value)).toMatchObject({ reason: 'invalid' })
  })

  it('is a defect of ours when we write it, and the field is named', () => {
    const [alert] = samples('alerts', 1) as RecordOf['alerts'][]
    const bad = { ...(alert ?? fail()), title: 7 } as unknown as RecordOf['alerts']
    expect(() => serde.encode('alerts', bad)).toThrow(/Alert at title: number/)
  })

  it('may be larger than the scratch', () => {
    const [part] = samples('snapshots', 1) as RecordOf['snapshots'][]
    const record = { ...(part ?? fail()), bytes: new Uint8Array(300_000).fill(3) }
    expect(serde.decodeBytes('snapshots', serde.encode('snapshots', record))).toEqual({
      ok: true,
      record,
    })
  })
})

describe('service events as JSON', () => {
  const bare =
    '{"service_name":"shop","action":"register","cluster_id":"c","timestamp":1764000000123}'
  const seed =
    '{"ServiceName":"shop","InstanceID":"i","EventType":"HEALTHY","Timestamp":1764000000123}'

  it('are taken on their topic and nowhere else', () => {
    const taken = serde.decode('service-events', viewOf(Buffer.from(bare)))
    expect(taken).toMatchObject({ ok: true, record: { service_name: 'shop', cluster_id: 'c' } })
    expect(serde.decode('remote', viewOf(Buffer.from(bare)))).toMatchObject({ reason: 'not_avro' })
    if (taken.ok) expect(serde.encode('service-events', taken.record)[0]).toBe(0)
  })

  it('belong to the cluster the worker reads when they name none', async () => {
    expect(serde.decodeBytes('service-events', Buffer.from(seed))).toMatchObject({
      reason: 'invalid',
      detail: expect.stringMatching(/^cluster_id: found nothing/),
    })
    const here = await createSerde({ clusterId: clusterId('here') })
    expect(here.decodeBytes('service-events', Buffer.from(seed))).toMatchObject({
      record: { cluster_id: 'here', instance_id: 'i', action: 'healthy' },
    })
  })

  it('are refused with the reason a person needs', () => {
    const text = bare.replace('register', 'explode')
    expect(serde.decodeBytes('service-events', Buffer.from(text))).toEqual({
      ok: false,
      reason: 'invalid',
      detail:
        'action: found "explode"; send one of register, deregister, healthy, unstable, ' +
        'unhealthy, renew, drain',
    })
  })
})

describe('telemetry', () => {
  it('is handed to its own decoder in place', () => {
    const next = random(6)
    const scratch = new DeltaScratch()
    for (let i = 0; i < 1_000; i++) {
      const record = randomDelta(next)
      const view = viewOf(serde.encode('telemetry', record))
      const span = { buffer: new Uint8Array(), start: 0, end: 0 }
      expect(serde.telemetry(view, span)).toBeNull()
      expect(span.buffer).toBe(view.buffer)
      expect(decodeTelemetry(span.buffer, span.start, span.end, scratch)).toBeNull()
      expect(isDeepStrictEqual(readScratch(span.buffer, scratch, record), record)).toBe(true)
    }
    const span = { buffer: new Uint8Array(), start: 0, end: 0 }
    expect(serde.telemetry(viewOf(null), span)).toBe('empty')
    expect(serde.telemetry(viewOf(Uint8Array.of(0, 0, 0)), span)).toBe('not_avro')
    expect(serde.telemetry(viewOf(Buffer.from('{"n":1}')), span)).toBe('not_avro')
    expect(serde.telemetry(viewOf(Uint8Array.of(0, 0, 0, 0, 1, 5)), span)).toBe('unknown_schema')
  })

  it('of an older schema is brought to the current one', async () => {
    const added = { name: 'added', type: ['null', 'long'], default: null }
    const later = changedSchemas('telemetry', (schema) => void schema.fields.push(added))
    try {
      const newer = await createSerde({ schemasDir: later.dir })
      expect(newer.schemaId('telemetry')).not.toBe(serde.schemaId('telemetry'))
      const old = serde.encode('telemetry', fullDelta())
      const span = { buffer: new Uint8Array(), start: 0, end: 0 }
      expect(newer.telemetry(viewOf(old), span)).toBeNull()
      const datum = Buffer.from(span.buffer.subarray(span.start, span.end))
      const type = avsc.Type.forSchema(JSON.parse(JSON.stringify({ ...later.schema })))
      expect(type.fromBuffer(datum)).toEqual({ ...fullDelta(), added: null })
      expect(newer.decodeBytes('telemetry', old)).toEqual({
        ok: true,
        record: { ...fullDelta(), added: null },
      })
      for (let end = 5; end < old.length; end++)
        expect(newer.telemetry(viewOf(old.subarray(0, end)), span)).toBe('corrupt')
    } finally {
      later.remove()
    }
  })
})

describe('the package', () => {
  const build = new URL('../../../dist/adapters/serde/serde.js', import.meta.url)

  it.skipIf(!existsSync(build))('finds its schemas when it is run from the build', () => {
    const script = `import(${JSON.stringify(build.href)}).then(async (m) => {
      const serde = await m.createSerde()
      process.stdout.write(String(serde.schemaId('telemetry')))
    })`
    const run = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', cwd: '/' })
    expect(run.stderr).toBe('')
    expect(run.stdout).toBe(String(serde.schemaId('telemetry')))
  })
})
