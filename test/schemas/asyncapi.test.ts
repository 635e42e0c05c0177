// asyncapi.yaml is what the schemas and topics.ts make of it, its references lead somewhere, and
// its examples can be written and read.
import { readFileSync, readdirSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { asyncapi } from '../../scripts/lib/asyncapi.mjs'
import { isSchemaKind } from '../../src/adapters/serde/schema-files.ts'
import { type Serde, createSerde } from '../../src/adapters/serde/serde.ts'
import { DeltaScratch, decodeTelemetry } from '../../src/contracts/telemetry-decoder.ts'
import * as topics from '../../src/contracts/topics.ts'

const root = new URL('../../', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8')
const written = read('asyncapi.yaml')
const document = parse(written)

let serde: Serde
beforeAll(async () => {
  serde = await createSerde()
})

/** Bytes in examples are text of the characters U+0000 to U+00FF, as in Avro's JSON encoding. */
function withBytes(value: unknown, type: unknown, named = new Map<string, unknown>()): unknown {
  if (Array.isArray(type)) return withBytes(value, type[1], named)
  if (type === 'bytes') return Uint8Array.from(String(value), (c) => c.charCodeAt(0))
  const schema = typeof type === 'string' ? named.get(type) : type
  if (typeof schema !== 'object' || schema === null) return value
  const { type: kind, name, fields, items } = schema as Record<string, unknown>
  if (kind === 'array') return (value as unknown[]).map((item) => withBytes(item, items, named))
  if (kind !== 'record') return value
  named.set(String(name), schema)
  const object = value as Record<string, unknown>
  const parts = fields as { name: string; type: unknown }[]
  return Object.fromEntries(parts.map((f) => [f.name, withBytes(object[f.name], f.type, named)]))
}

describe('asyncapi.yaml', () => {
  it('is up to date (node scripts/generate-asyncapi.mjs)', () => {
    const schemas = new Map(
      readdirSync(new URL('schemas/', root))
        .filter((file) => file.endsWith('.avsc'))
        .map((file) => [file.slice(0, -5), JSON.parse(read(`schemas/${file}`))]),
    )
    const { version } = JSON.parse(read('package.json'))
    expect(asyncapi({ names: topics, schemas, version })).toBe(written)
  })

  it('has every topic, as AsyncAPI 3.0 with Kafka bindings 0.5.0', () => {
    expect(document.asyncapi).toBe('3.0.0')
    const channels: { address: string; bindings: { kafka: Record<string, unknown> } }[] =
      Object.values(document.channels)
    const expected = topics.TOPICS.map((t) => topics.topicName(t.kind))
    expect(channels.map((channel) => channel.address)).toEqual(expected)
    for (const { address, bindings } of channels)
      expect(bindings.kafka).toMatchObject({
        topic: address,
        partitions: expect.any(Number),
        bindingVersion: '0.5.0',
      })
    expect(Object.keys(document.operations)).toHaveLength(topics.TOPICS.length)
  })

  it('refers to nothing that is not there', () => {
    const refs: string[] = []
    JSON.parse(JSON.stringify(document), (key, value) => {
      if (key === '$ref') refs.push(value)
      return value
    })
    expect(refs.length).toBe(3 * topics.TOPICS.length)
    for (const ref of refs) {
      const found: unknown = ref
        .slice(2)
        .split('/')
        .reduce((at: Record<string, never> | undefined, step) => at?.[step], document)
      expect(found, ref).toBeDefined()
    }
  })

  it.each(topics.TOPICS.map((topic) => topic.kind))('has an example of %s that decodes', (kind) => {
    const name = kind.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
    const message = document.components.messages[name]
    const schemaKind = kind.replace(/^fleet-/, '')
    if (!isSchemaKind(schemaKind)) {
      expect(message.payload).toBeUndefined()
      return
    }
    const [example] = message.examples
    const record = withBytes(example.payload, message.payload.schema)
    const value = serde.encode(schemaKind, record as never)
    expect(serde.decodeBytes(schemaKind, value)).toEqual({ ok: true, record })
    if (kind !== 'telemetry') return
    expect(decodeTelemetry(value, 5, value.length, new DeltaScratch())).toBeNull()
  })
})
