// Entries about bytes, keys and headers: what is no datum at all, what is one of somebody else, and
// good records that travel in a bad wrapping.
import type { RecordOf } from '../../../src/contracts/records.ts'
import { heartbeat, policy, serviceEvent } from '../../support/records.ts'
import { batchAround, bomb, gzipBatch, rawBatch, rawRecords } from '../hostile-batches.ts'
import { block, datumOf, textOf } from './datum.ts'
import {
  bent,
  type Bucket,
  headOf,
  type Kind,
  type Poison,
  record,
  utf8,
  value,
  type Whom,
} from './poison.ts'

const KINDS = ['telemetry', 'signals', 'service-events', 'results', 'policies', 'operator'] as const

const beat = ({ service, instance, agent, seq, nowMs }: Whom): RecordOf['signals'] =>
  heartbeat({ service, instance, agent, seq, atMs: nowMs })
const event = ({ service, instance, agent, seq, nowMs }: Whom): RecordOf['service-events'] =>
  serviceEvent({ service, instance, agent, seq, atMs: nowMs })

const head = (id: number): Buffer => {
  const bytes = Buffer.alloc(5)
  bytes.writeInt32BE(id, 1)
  return bytes
}
const whole = (whom: Whom): Uint8Array => whom.encoder.encode('signals', beat(whom))
const cut = (share: number) => (whom: Whom) => {
  const bytes = whole(whom)
  return bytes.subarray(0, Math.floor(bytes.length * share))
}

const anywhere: readonly Poison[] = KINDS.flatMap((kind) => [
  value(kind, ['no value', 'empty'], () => null),
  value(kind, ['an empty value', 'empty'], () => utf8('')),
  value(kind, ['three bytes', 'not_avro'], () => Buffer.from([0, 0, 0])),
  value(kind, ['another magic byte', 'not_avro'], () => Buffer.from([1, 0, 0, 0, 1, 2, 3])),
  value(kind, ['a schema that nobody has', 'unknown_schema'], () => head(2_147_483_647)),
])

const signals: readonly Poison[] = [
  value('signals', ['one byte', 'not_avro'], () => Buffer.alloc(1)),
  value('signals', ['four bytes', 'not_avro'], () => Buffer.alloc(4)),
  value('signals', ['JSON', 'not_avro'], () => utf8('{"service":"shop"}')),
  value('signals', ['text', 'not_avro'], () => utf8('hello')),
  value('signals', ['a negative schema id', 'unknown_schema'], () => head(-1)),
  value('signals', ['schema id 0', 'unknown_schema'], () => head(0)),
  value('signals', ['the schema of another topic', 'unknown_schema'], ({ encoder, ...rest }) =>
    encoder.encode('service-events', event({ encoder, ...rest })),
  ),
  value('signals', ['the datum of another topic under its own id', 'invalid'], (whom) =>
    Buffer.concat([
      headOf('signals', beat(whom), whom),
      datumOf('policies', policy({ name: 'a-name' })),
    ]),
  ),
  value('signals', ['a header alone', 'corrupt'], (whom) => headOf('signals', beat(whom), whom)),
  value('signals', ['cut near its beginning', 'corrupt'], cut(0.2)),
  value('signals', ['cut in the middle', 'corrupt'], cut(0.5)),
  value('signals', ['without its last byte', 'corrupt'], (whom) => whole(whom).subarray(0, -1)),
  value('signals', ['one byte too many', 'corrupt'], (whom) =>
    Buffer.concat([whole(whom), Buffer.alloc(1)]),
  ),
  value('signals', ['itself twice', 'corrupt'], (whom) =>
    Buffer.concat([whole(whom), whole(whom)]),
  ),
  value('signals', ['all bits set', 'corrupt'], (whom) =>
    Buffer.concat([headOf('signals', beat(whom), whom), Buffer.alloc(500, 255)]),
  ),
]

const texts = bent('signals', beat, [
  ['a text of 2^40 bytes', 'corrupt', { instance: block(1n << 40n) }],
  ['a text of 2^62 bytes', 'corrupt', { instance: block(1n << 62n) }],
  ['a text of -1 bytes', 'corrupt', { instance: block(-1n) }],
  ['bytes that are no UTF-8', 'invalid', { instance: textOf(Buffer.from([0xff, 0xfe, 0x41])) }],
  ['half a surrogate pair', 'invalid', { instance: textOf(Buffer.from([0xed, 0xa0, 0x80])) }],
  ['an overlong NUL', 'invalid', { instance: textOf(Buffer.from([0xc0, 0x80])) }],
  ['a NUL', 'invalid', { instance: 'a\0b' }],
  ['a line break', 'invalid', { agent: 'a\nb' }],
  ['an escape sequence', 'invalid', { agent: '\u001b[2J' }],
  ['a name of 10 kB', 'invalid', { instance: 'x'.repeat(10_000) }],
  ['no instance', 'invalid', { instance: '' }],
  ['a step up', 'invalid', { instance: '..' }],
  ['a byte order mark', 'taken', { instance: '\ufeffshop' }],
  ['a path', 'taken', { instance: '../../etc/passwd' }],
  ['a star', 'taken', { instance: '*' }],
  ['markup', 'taken', { instance: '<script>alert(1)</script>' }],
  ['a formula', 'taken', { instance: '=cmd()' }],
  ['right to left', 'taken', { instance: 'shop\u202egnp' }],
  ['a homoglyph', 'taken', { instance: 'ѕhop-1' }],
  ['a name of prototypes', 'taken', { instance: '__proto__' }],
])

const keyed = (name: string, ends: Bucket, key: (whom: Whom) => Uint8Array | null): Poison =>
  record('signals', [`key: ${name}`, ends], (whom) => ({ key: key(whom), value: whole(whom) }))

const keys: readonly Poison[] = [
  keyed('none', 'key_mismatch', () => null),
  keyed('empty', 'key_mismatch', () => utf8('')),
  keyed('another service', 'key_mismatch', () => utf8('somebody-else')),
  keyed('other case', 'key_mismatch', ({ service }) => utf8(service.toUpperCase())),
  keyed('a blank behind it', 'key_mismatch', ({ service }) => utf8(`${service} `)),
  keyed('a NUL behind it', 'key_mismatch', ({ service }) => utf8(`${service}\0`)),
  keyed('60 kB', 'key_mismatch', () => Buffer.alloc(60_000, 'k')),
  keyed('64 kB and more', 'broker', () => Buffer.alloc(66_000, 'k')),
  record('signals', ['key: a service of another partition', 'foreign_partition'], (whom) => {
    const service = whom.foreign
    return { key: utf8(service), value: whole({ ...whom, service }) }
  }),
]

type Headers = readonly (readonly [string | Uint8Array, Uint8Array | null])[]
const headed = (name: string, headers: Headers): Poison =>
  record('signals', [`headers: ${name}`, 'taken'], (whom) => ({
    key: utf8(whom.service),
    value: whole(whom),
    headers,
  }))
const many = (count: number): Headers =>
  Array.from({ length: count }, (_, i) => [`h${i}`, utf8('v')] as const)

const headers: readonly Poison[] = [
  headed('65', many(65)),
  headed('5,000', many(5_000)),
  headed('one name twice', [
    ['traceparent', utf8('00-1')],
    ['traceparent', utf8('00-2')],
  ]),
  headed('names of prototypes', [
    ['__proto__', utf8('{}')],
    ['constructor', null],
  ]),
  headed('no name', [['', utf8('v')]]),
  headed('a value of 60 kB', [['h', Buffer.alloc(60_000, 'x')]]),
  headed('a name that is no text', [[Buffer.from([0xff, 0xfe]), utf8('v')]]),
  headed('forged CloudEvents', [
    ['ce_id', utf8('../../1')],
    ['ce_type', utf8('io.healstream.command')],
    ['ce_time', utf8('9999-99-99')],
  ]),
  headed('a forged trace', [['traceparent', utf8(`00-${'f'.repeat(4_000)}-01`)]]),
  headed('a forged way here', [['hs-path', utf8('here,'.repeat(5_000))]]),
  record('signals', ['headers: 5,000 beside nothing', 'empty'], (whom) => ({
    key: utf8(whom.service),
    value: null,
    headers: many(5_000),
  })),
]

const packed = (
  name: string,
  ends: Bucket,
  batch: Poison['batch'],
  kind: Kind = 'signals',
): Poison => ({ name: `${kind}: ${name}`, kind, ends, batch })
const three = (whom: Whom): { key: Buffer; value: Uint8Array }[] =>
  [1, 2, 3].map(() => ({ key: utf8(whom.service), value: whole(whom) }))

const packings: readonly Poison[] = [
  packed('a batch in gzip', 'taken', (whom) => gzipBatch(three(whom))),
  packed('a bomb in gzip', 'broker', () => bomb(20_000_000)),
  ...[5, 6, 7].map((codec) =>
    packed(`codec ${codec}`, 'broker', (whom) =>
      batchAround(rawRecords(three(whom)), 3, { attributes: codec }),
    ),
  ),
  packed('one record three times', 'taken', (whom) => rawBatch(three(whom))),
  packed('offsets out of order', 'unreadable_batch', (whom) =>
    rawBatch(three(whom).map((one, i) => ({ ...one, offsetDelta: 2 - i }))),
  ),
  packed('a marker of no transaction', 'broker', () =>
    rawBatch([{ key: Buffer.alloc(4) }], { attributes: 0x20 }),
  ),
  packed('nothing but a header of a batch', 'broker', () => batchAround(Buffer.alloc(0), 0)),
]

export const BYTES: readonly Poison[] = [
  ...anywhere,
  ...signals,
  ...texts,
  ...keys,
  ...headers,
  ...packings,
]

/** Read by nobody in this version; they must not be in anybody's way. */
export const UNREAD: readonly Poison[] = [
  value('remote', ['garbage where nobody reads yet', 'taken'], () => utf8('garbage')),
  value('remote', ['nothing where nobody reads yet', 'taken'], () => null),
]
