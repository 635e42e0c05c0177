// The AsyncAPI 3.0 description of all topics (Kafka bindings 0.5.0), made from the schemas and from
// contracts/topics.ts. Every message carries an example that the tests write and read back.
import { stringify } from 'yaml'

const BINDING = '0.5.0'
const AVRO = 'application/vnd.apache.avro;version=1.9.0'

/**
 * @typedef {{ name: string, type: any, doc?: string, brand?: string }} Field
 * @typedef {{ name: string, doc?: string, fields: Field[] }} Schema
 * @typedef {import('../../src/contracts/topics.ts').TopicSpec} TopicSpec
 */

/** Values of ids in examples. @type {Record<string, string>} */
const IDS = {
  ServiceId: 'checkout',
  InstanceId: 'checkout-1',
  AgentId: 'agent-1',
  ClusterId: 'q1Sh-9_xRMuLi_Vw2YhKjA',
  IncidentId: '5b1f0c6e9a7d4e21',
  CommandId: '9f2c4b7a1d3e5f60718293a4b5c6d7e8',
  EventId: '0c9e6f5a-2f0b-4c3e-9d43-0f2b7f6f3a10',
  PolicyName: 'restart-when-dead',
  TaskId: 's3',
}

/** Values in examples by name of the field, where the type alone would say nothing. */
/** @type {Record<string, unknown>} */
const BY_NAME = {
  action: 'restart',
  seq: 42,
  n: 100,
  errors: 2,
  local_errors: 1,
  sum_us: 2_400_000,
  max_us: 61_000,
  scale: 4,
  zeros: 0,
  gap: 225,
  count: 99,
  tick_ms: 1_000,
  span_ms: 60_000,
  trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
  document: '{}',
  document_sha256: '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
  host: '10.0.0.7',
  port: 8080,
  health_path: '/healthz',
  zone: 'a',
  app_version: '1.4.2',
}

const camel = (/** @type {string} */ kind) =>
  kind.replaceAll(/-(\w)/g, (_, letter) => letter.toUpperCase())
const title = (/** @type {string} */ kind) => {
  const name = camel(kind)
  return name.charAt(0).toUpperCase() + name.slice(1)
}

/** A record of the schema as plain JSON; bytes are text of the characters U+0000 to U+00FF. */
export function exampleOf(/** @type {Schema} */ schema) {
  return exampleValue(schema, { name: '' }, new Map())
}

/**
 * @param {any} type @param {{ name: string, brand?: string | undefined }} field
 * @param {Map<string, any>} named @returns {unknown}
 */
function exampleValue(type, field, named) {
  if (Array.isArray(type)) return exampleValue(type[1], field, named)
  if (typeof type === 'string' && named.has(type))
    return exampleValue(named.get(type), field, named)
  switch (typeof type === 'string' ? type : type.type) {
    case 'record': {
      named.set(type.name, type)
      const fields = type.fields.map((/** @type {Field} */ each) => [
        each.name,
        exampleValue(each.type, each, named),
      ])
      return Object.fromEntries(fields)
    }
    case 'enum':
      named.set(type.name, type)
      return type.symbols.find((/** @type {string} */ symbol) => symbol !== 'unknown')
    case 'array':
      return [exampleValue(type.items, field, named)]
    case 'map':
      return { key: exampleValue(type.values, { name: 'value' }, named) }
    default:
      return examplePrimitive(type, field)
  }
}

/** @param {string} type @param {{ name: string, brand?: string | undefined }} field */
function examplePrimitive(type, field) {
  if (field.brand !== undefined) return IDS[field.brand]
  const known = BY_NAME[field.name]
  if (known !== undefined) return known
  if (type === 'boolean') return false
  if (type === 'bytes') return '\u0001\u0002'
  if (type === 'double') return 0.5
  if (type === 'string') return /sha256|digest|hash/.test(field.name) ? 'a1'.repeat(32) : 'text'
  return /(_at|start|until|since|timestamp|_of)(_ms)?$/.test(field.name) ? 1_764_000_000_000 : 1
}

/** Schema without the marks of our generator. @param {unknown} schema */
const plain = (schema) =>
  JSON.parse(JSON.stringify(schema), (key, value) => (key === 'brand' ? undefined : value))

/** @param {TopicSpec} topic @param {typeof import('../../src/contracts/topics.ts')} names */
function channel(topic, names) {
  const address = names.topicName(topic.kind)
  const configuration = {
    'cleanup.policy': [topic.cleanup],
    ...(topic.cleanup === 'compact' ? {} : { 'retention.ms': topic.retentionMs ?? -1 }),
    'max.message.bytes': topic.maxBytes,
  }
  return {
    address,
    title: topic.kind,
    messages: { [camel(topic.kind)]: { $ref: `#/components/messages/${camel(topic.kind)}` } },
    'x-key': topic.key,
    'x-message-timestamp-type': topic.time === 'append' ? 'LogAppendTime' : 'CreateTime',
    bindings: {
      kafka: {
        topic: address,
        partitions: topic.partitions === 'P' ? names.DEFAULT_PARTITIONS : topic.partitions,
        topicConfiguration: configuration,
        bindingVersion: BINDING,
      },
    },
  }
}

/** Topics of the fleet task carry the records of their service-task twins. */
const schemaKind = (/** @type {string} */ kind) => kind.replace(/^fleet-/, '')

/** @param {TopicSpec} topic @param {ReadonlyMap<string, Schema>} schemas */
function message(topic, schemas) {
  const schema = schemas.get(schemaKind(topic.kind))
  const key = topic.key === 'none' ? {} : { key: { type: 'string', description: topic.key } }
  if (schema === undefined)
    return {
      name: title(topic.kind),
      title: title(topic.kind),
      summary: 'Own fixed layout, written and read by the engine alone.',
      contentType: 'application/octet-stream',
      bindings: { kafka: { ...key, bindingVersion: BINDING } },
    }
  return {
    name: schema.name,
    title: schema.name,
    summary: schema.doc ?? schema.name,
    contentType: 'avro/binary',
    payload: { schemaFormat: AVRO, schema: plain(schema) },
    bindings: {
      kafka: {
        ...key,
        schemaIdLocation: 'payload',
        schemaIdPayloadEncoding: 'confluent',
        bindingVersion: BINDING,
      },
    },
    examples: [{ name: camel(topic.kind), payload: exampleOf(schema) }],
  }
}

/** @param {TopicSpec} topic */
function operation(topic) {
  const ref = camel(topic.kind)
  return {
    action: topic.input ? 'receive' : 'send',
    channel: { $ref: `#/channels/${ref}` },
    messages: [{ $ref: `#/channels/${ref}/messages/${ref}` }],
  }
}

/**
 * The description as YAML.
 * @param {{
 *   names: typeof import('../../src/contracts/topics.ts'),
 *   schemas: ReadonlyMap<string, Schema>,
 *   version: string,
 * }} of
 */
export function asyncapi({ names, schemas, version }) {
  const topics = names.TOPICS
  const document = {
    asyncapi: '3.0.0',
    info: {
      title: 'healstream',
      version,
      description:
        'All topics of healstream as a worker sees them. Values are Avro in Confluent wire ' +
        'format: a zero byte, the schema id as big-endian int32, the datum. Prefix and ' +
        'number of partitions are the defaults. The topic of service events also takes JSON ' +
        'with the fields service_name, action, cluster_id and timestamp (epoch ms).',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    defaultContentType: 'avro/binary',
    servers: { kafka: { host: 'localhost:9092', protocol: 'kafka' } },
    channels: Object.fromEntries(topics.map((topic) => [camel(topic.kind), channel(topic, names)])),
    operations: Object.fromEntries(
      topics.map((topic) => [
        `${topic.input ? 'receive' : 'send'}${title(topic.kind)}`,
        operation(topic),
      ]),
    ),
    components: {
      messages: Object.fromEntries(
        topics.map((topic) => [camel(topic.kind), message(topic, schemas)]),
      ),
    },
  }
  const head =
    '# Generated by scripts/generate-asyncapi.mjs from schemas/ and contracts/topics.ts.\n'
  return head + stringify(document, { lineWidth: 100, aliasDuplicateObjects: false })
}
