// Entries of people and strangers: service events in JSON, documents, and words of operators.
import { createHash } from 'node:crypto'
import type { RecordOf } from '../../../src/contracts/records.ts'
import { operator, policy } from '../../support/records.ts'
import { bent, type Bucket, type Poison, utf8, value, type Whom } from './poison.ts'

type Json = Readonly<Record<string, unknown>>

const event = ({ service, instance, nowMs }: Whom): Json => ({
  service_name: service,
  action: 'register',
  cluster_id: 'elsewhere',
  timestamp: nowMs,
  instance_id: instance,
})

/** An event with some fields changed. */
const json = (name: string, ends: Bucket, change: Json | ((whom: Whom) => Json)): Poison =>
  value('service-events', [`JSON: ${name}`, ends], (whom) => {
    const more = typeof change === 'function' ? change(whom) : change
    return utf8(JSON.stringify({ ...event(whom), ...more }))
  })
/** An event whose text is made from that of a good one. */
const text = (name: string, ends: Bucket, make: (good: string) => string | Uint8Array): Poison =>
  value('service-events', [`JSON: ${name}`, ends], (whom) =>
    Buffer.from(make(JSON.stringify(event(whom)))),
  )
const member = (name: string, ends: Bucket, more: string): Poison =>
  text(name, ends, (good) => `${good.slice(0, -1)},${more}}`)
const time = (name: string, ends: Bucket, what: string): Poison =>
  text(`a time that is ${name}`, ends, (good) =>
    good.replace(/"timestamp":\d+/, `"timestamp":${what}`),
  )

const texts: readonly Poison[] = [
  text('an array', 'not_avro', (good) => `[${good}]`),
  text('a text', 'not_avro', (good) => JSON.stringify(good)),
  text('no members', 'invalid', () => '{}'),
  text('an end too early', 'invalid', (good) => good.slice(0, -1)),
  text('a second one behind it', 'invalid', (good) => good + good),
  text('a comma at the end', 'invalid', (good) => `${good.slice(0, -1)},}`),
  text('a comment', 'invalid', (good) => good.replace(',', ',/* no */')),
  text('single quotes', 'invalid', (good) => good.replaceAll('"', "'")),
  text('a byte order mark', 'not_avro', (good) => `\ufeff${good}`),
  text('bytes that are no UTF-8', 'invalid', (good) =>
    Buffer.concat([utf8(good.slice(0, -2)), Buffer.from([0xff]), utf8('"}')]),
  ),
  text('20,000 brackets', 'invalid', () => `{"metadata":${'['.repeat(20_000)}`),
  text('10,000 objects in one another', 'invalid', () => '{"a":'.repeat(10_000)),
  text('a million brackets', 'broker', () => `{"metadata":${'['.repeat(1_000_000)}`),
  member('one member twice', 'invalid', '"action":"register"'),
  member('one member under two names', 'invalid', '"Action":"register"'),
  member('__proto__', 'invalid', '"__proto__":{"admin":true}'),
  member('constructor', 'invalid', '"constructor":{"prototype":{}}'),
  member('a field of ours', 'invalid', '"agent":"me"'),
  member('5,000 members', 'invalid', Array.from({ length: 5_000 }, (_, i) => `"k${i}":1`).join()),
  member('half a surrogate pair', 'invalid', '"reason":"\\ud800"'),
  member('a control character', 'invalid', '"reason":"a\nb"'),
  time('no number', 'invalid', 'NaN'),
  time('an infinite one', 'invalid', '1e400'),
  time('minus 0', 'invalid', '-0'),
  time('2^53 + 1', 'invalid', '9007199254740993'),
  time('a text', 'invalid', '"NaN"'),
  time('null', 'invalid', 'null'),
  time('1970', 'invalid', '0'),
  time('seconds', 'invalid', '1764000000'),
  time('microseconds', 'invalid', '1764000000000000'),
  time('before 1970', 'invalid', '-1764000000000'),
  time('half a millisecond', 'invalid', '1764000000000.5'),
]

const meanings: readonly Poison[] = [
  json('no such action', 'invalid', { action: 'explode' }),
  json('an action that is a number', 'invalid', { action: 1 }),
  json('no service', 'invalid', { service_name: '' }),
  json('a service that is a path step', 'invalid', { service_name: '..' }),
  json('a service of 10 kB', 'invalid', { service_name: 'x'.repeat(10_000) }),
  json('another service than its key', 'key_mismatch', { service_name: 'not-its-key' }),
  json('an instance with a line break', 'invalid', { instance_id: 'a\r\nb' }),
  json('port 0', 'invalid', { port: 0 }),
  json('port 65536', 'invalid', { port: 65_536 }),
  json('version -1', 'invalid', { version: -1 }),
  json('metadata in metadata', 'invalid', { metadata: { a: { b: 'c' } } }),
  json('metadata of 50 kB', 'invalid', { metadata: { a: 'x'.repeat(50_000) } }),
  json('a clock ten years ahead', 'taken', ({ nowMs }) => ({ timestamp: nowMs + 3.15e11 })),
  json('markup for a reason', 'taken', { reason: '<img src=x onerror=alert(1)>' }),
]

const good = ({ service, seq }: Whom): RecordOf['policies'] =>
  policy({ name: `p-${service}-${seq}`, document: heal({}, `p-${service}-${seq}`) })

function heal(change: Json, name: string): Json {
  const spec = { match: { services: [] }, trigger: 'n > 0.0', action: 'restart_instance' }
  return {
    apiVersion: 'healstream.io/v1',
    kind: 'HealPolicy',
    metadata: { name },
    spec: { ...spec, ...change },
  }
}

const written = (document: string): Json => ({
  document,
  sha256: createHash('sha256').update(document).digest('hex'),
})
/** A document whose spec is something else. */
const spec =
  (change: Json) =>
  (whom: Whom): Json =>
    written(JSON.stringify(heal(change, good(whom).name)))
const trigger = (name: string, what: string, ends: Bucket = 'told') =>
  [`trigger: ${name}`, ends, spec({ match: { services: ['*'] }, trigger: what })] as const

const policies = bent('policies', good, [
  ['a checksum of something else', 'told', { sha256: 'ab'.repeat(32) }],
  ['an empty document', 'told', written('')],
  ['no JSON', 'told', written('{')],
  ['YAML', 'told', written('kind: HealPolicy\nspec: !!js/function "x"\n')],
  ['a bomb of YAML', 'told', written('a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n')],
  ['null', 'told', written('null')],
  ['10,000 brackets', 'told', written('['.repeat(10_000) + ']'.repeat(10_000))],
  ['a document of 300 kB', 'told', written(JSON.stringify({ x: 'x'.repeat(300_000) }))],
  ['100,000 rules', 'told', written(`[${'{},'.repeat(80_000)}{}]`)],
  ['version 0', 'told', { version: 0 }],
  ['version -1', 'told', { version: -1 }],
  ['another kind than it says', 'told', { kind: 'GuardSet' }],
  ['a kind to come', 'corrupt', { kind: 66 }],
  ['a name with a NUL', 'invalid', { name: 'a\0b' }],
  ['a field that is not known', 'told', spec({ loop: true })],
  ['an action that is none', 'told', spec({ action: 'rm -rf /' })],
  ['300 services', 'told', spec({ match: { services: Array(300).fill('*') } })],
  ['for ten years', 'told', spec({ for: '3650d' })],
  ['for less than no time', 'told', spec({ for: '-1s' })],
  trigger('nothing', ''),
  trigger('no expression', 'health =='),
  trigger('a type error', 'health > 3'),
  trigger('int and double', 'errors > 1.5 + true'),
  trigger('a function that is none', 'system("rm")'),
  trigger('a field that is none', 'password == "x"'),
  trigger('no verdict', 'n + 1.0'),
  trigger('5,000 characters', `n > ${'1'.repeat(5_000)}.0`),
  trigger('2,000 brackets', `${'('.repeat(2_000)}true${')'.repeat(2_000)}`),
  trigger('division by zero', 'errors / 0 > 1', 'taken'),
  trigger('a pattern of 300,000 steps', `service.matches("${'a{1000}'.repeat(300)}")`),
  trigger('a regular expression without end', 'service.matches("(s+)+$")', 'taken'),
])

/** Limits that are none. */
const limits = (kind: 'DetectorSet' | 'GuardSet', change: Json) => (whom: Whom) => {
  const { name } = good(whom)
  const body = { match: { services: ['*'] }, ...change }
  const document = { apiVersion: 'healstream.io/v1', kind, metadata: { name }, spec: body }
  return { kind, ...written(JSON.stringify(document)) }
}
const sets = bent('policies', good, [
  ['limits: no samples', 'told', limits('DetectorSet', { samplesMin: 0 })],
  ['limits: -1 samples', 'told', limits('DetectorSet', { samplesMin: -1 })],
  ['limits: a dwell of ten years', 'told', limits('DetectorSet', { dwellMs: '3650d' })],
  ['limits: no act a minute', 'told', limits('GuardSet', { perMinute: 0 })],
  ['limits: more than all', 'told', limits('GuardSet', { outShareMax: 1.5 })],
  ['limits: no number', 'told', limits('GuardSet', { outShareMax: 'NaN' })],
  ['limits: one that is none', 'told', limits('GuardSet', { everything: true })],
])

const said = ({ service, seq }: Whom): RecordOf['operator'] =>
  operator({ id: `o-${service}-${seq}`, kind: 'note' })

const operators = bent('operator', said, [
  ['the end of a hold that nobody set', 'taken', { kind: 'release', refers_to: 'nobody' }],
  ['a hold that is over', 'taken', { kind: 'hold', expires_at_ms: 1 }],
  ['a hold of nobody', 'taken', { kind: 'hold' }],
  ['a verdict on nothing', 'taken', { kind: 'approval', verdict: 'approve' }],
  [
    'a command with a shell in it',
    'taken',
    {
      kind: 'manual_command',
      command: { action: '; rm -rf /', args: { x: '$(reboot)\n\0' } },
    },
  ],
  ['a name with a line break', 'invalid', { id: 'a\nb' }],
  ['a kind that is none', 'taken', { kind: 0 }],
  ['a kind to come', 'corrupt', { kind: 44 }],
  ['an end before all time', 'corrupt', { expires_at_ms: -(1n << 63n) }],
  ['a reason of 500 kB', 'taken', { reason: 'x'.repeat(500_000) }],
])

export const WORDS: readonly Poison[] = [...texts, ...meanings, ...policies, ...sets, ...operators]
