// The seed shapes become one record without loss, and what is not clear is refused with the field,
// what was found and what to do.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { edgeProblemText, readEdgeEvent, readEdgeRecord } from '../../src/contracts/edge-event.ts'
import { clusterId } from '../../src/contracts/ids.ts'
import type { ServiceEvent } from '../../src/contracts/records.ts'

const BARE = {
  service_name: 'shop',
  action: 'register',
  cluster_id: 'c1',
  timestamp: 1_764_000_000_123,
}
const context = { clusterId: clusterId('here') }
const keyed = { ...context, service: 'shop', appendMs: 1_764_000_000_123 }

const nodeOf = (text: string, around = keyed as Parameters<typeof readEdgeRecord>[1]) =>
  readEdgeRecord(text, around).node

function taken(value: unknown): ServiceEvent {
  const result = readEdgeEvent(JSON.stringify(value), context)
  if (!result.ok) throw new Error(edgeProblemText(result.problem))
  return result.event
}

function refusal(input: unknown): string {
  const text = typeof input === 'string' ? input : JSON.stringify(input)
  const result = readEdgeEvent(text, context)
  return result.ok ? 'taken' : edgeProblemText(result.problem)
}

const idText = fc.stringMatching(/^[a-z服][\w./ -]{0,20}$/)
const timestamp = fc.integer({ min: 1e12, max: 1e13 - 1 })

describe('the seed shapes', () => {
  it('S0-18: four fields and nothing lost', () => {
    const action = fc.constantFrom('register', 'deregister')
    const bare = fc.record({ service_name: idText, action, cluster_id: idText, timestamp })
    fc.assert(
      fc.property(bare, (event) => {
        const { service_name, action: did, cluster_id, timestamp: at, ...rest } = taken(event)
        expect({ service_name, action: did, cluster_id, timestamp: at }).toEqual(event)
        expect(rest).toEqual({
          event_id: null,
          instance_id: null,
          incarnation: 0,
          version: 0,
          lifecycle: null,
          lease_ttl_ms: null,
          host: null,
          port: null,
          health_path: null,
          zone: null,
          app_version: null,
          agent: null,
          epoch: 0,
          seq: 0,
          path: [],
          vector: {},
          origin: null,
          metadata: {},
          reason: null,
        })
      }),
    )
  })

  it('S4-10: its four fields, with the cluster it was sent to', () => {
    const seed = fc.record({
      ServiceName: idText,
      InstanceID: idText,
      EventType: fc.constantFrom('REGISTER', 'HEALTHY', 'UNHEALTHY'),
      Timestamp: timestamp,
    })
    fc.assert(
      fc.property(seed, (event) => {
        const seen = taken(event)
        expect({
          ServiceName: seen.service_name,
          InstanceID: seen.instance_id,
          EventType: seen.action.toUpperCase(),
          Timestamp: seen.timestamp,
        }).toEqual(event)
        expect(seen.cluster_id).toBe('here')
      }),
    )
  })

  it('S4-10 where no cluster is known: refused', () => {
    const event = { ServiceName: 'a', InstanceID: 'b', EventType: 'HEALTHY', Timestamp: 1.7e12 }
    const result = readEdgeEvent(JSON.stringify(event))
    expect(result.ok ? null : result.problem).toEqual({
      field: 'cluster_id',
      found: 'nothing',
      fix: 'send cluster_id: text of 1 to 255 bytes without control characters',
    })
  })

  it('names of other houses', () => {
    const event = { service: 'a', eventType: 'drain', clusterId: 'c', timestamp: 1.7e12 }
    expect(taken({ ...event, instance: 'i', leaseTtlMs: 5, healthPath: '/up' })).toMatchObject({
      service_name: 'a',
      action: 'drain',
      cluster_id: 'c',
      instance_id: 'i',
      lease_ttl_ms: 5,
      health_path: '/up',
    })
  })

  it('all of our own optional fields', () => {
    const more = {
      event_id: 'e-1',
      instance_id: 'shop-1',
      incarnation: 3,
      version: 7,
      lifecycle: 'ready',
      lease_ttl_ms: 30_000,
      host: '10.0.0.7',
      port: 8080,
      health_path: '/healthz',
      zone: 'a',
      app_version: '1.2.3',
      metadata: { team: 'blue', note: 'größer' },
      reason: 'deploy',
    }
    expect(taken({ ...BARE, ...more })).toMatchObject(more)
    expect(taken({ ...BARE, instance_id: null, host: null })).toMatchObject({ instance_id: null })
  })

  it('S1-27: the change of a node, with the service it was keyed by', () => {
    const change = fc.record({
      node_id: idText,
      status: fc.constantFrom('UP', 'DOWN', 'up', 'down'),
      version: fc.integer({ min: 1, max: 2 ** 40 }),
    })
    fc.assert(
      fc.property(change, ({ node_id, status, version }) => {
        const node = { node_id, status, version }
        expect(nodeOf(JSON.stringify(node))).toMatchObject({
          ok: true,
          event: {
            service_name: 'shop',
            instance_id: node_id,
            action: status.toUpperCase() === 'UP' ? 'register' : 'deregister',
            version,
            cluster_id: 'here',
            timestamp: 1_764_000_000_123,
          },
        })
        expect(refusal(node)).toContain('a field that is not known here')
      }),
    )
  })

  it('S1-27: what it says itself counts for more than what stands around it', () => {
    const node = { nodeId: 'n', status: 'UP', version: 1, service: 'cart', timestamp: 1.7e12 }
    expect(nodeOf(JSON.stringify({ ...node, clusterId: 'c9' }))).toMatchObject({
      ok: true,
      event: { service_name: 'cart', timestamp: 1.7e12, cluster_id: 'c9' },
    })
  })

  it.each<[string, unknown, string]>([
    ['another status', { status: 'READY' }, 'status: found "READY"; send UP or DOWN'],
    ['no status', { status: null }, 'status: found null; send UP or DOWN'],
    ['no version', { version: undefined }, 'version: found 0; send a number that grows, from 1'],
    ['a version of text', { version: '7' }, 'version: found "7"; send an integer from 0'],
    ['an action besides', { action: 'register' }, 'action: found the field under two names'],
  ])('S1-27: %s is refused', (_, change, words) => {
    const node = { node_id: 'n', status: 'UP', version: 1, ...(change as object) }
    const result = nodeOf(JSON.stringify(node))
    expect(result?.ok === false ? edgeProblemText(result.problem) : 'taken').toContain(words)
  })

  it('S1-27: without a key it has no service, and without a node it is no change of one', () => {
    const node = { node_id: 'n', status: 'UP', version: 1 }
    const result = nodeOf(JSON.stringify(node), { ...keyed, service: null })
    expect(result).toMatchObject({ ok: false, problem: { field: 'service_name' } })
    for (const other of [BARE, { status: 'UP' }, { node_id: 'n' }, [], 'x', null])
      expect(nodeOf(JSON.stringify(other))).toBeNull()
    expect(nodeOf('{')).toBeNull()
  })

  it('bytes as well as text', () => {
    const bytes = new TextEncoder().encode(JSON.stringify({ ...BARE, service_name: '店' }))
    expect(readEdgeEvent(bytes)).toMatchObject({ ok: true, event: { service_name: '店' } })
  })
})

const MS = 'send epoch milliseconds, an integer of 13 digits'
const ACTIONS = 'send one of register, deregister, healthy, unstable, unhealthy, renew, drain'
const NAME = 'send text of 1 to 255 bytes without control characters'

describe('a refusal', () => {
  it.each<[string, unknown, string]>([
    [
      'seconds',
      { ...BARE, timestamp: 1_764_000_000 },
      'timestamp: found 1764000000 (seconds); ' + MS,
    ],
    [
      'microseconds',
      { ...BARE, timestamp: 1_764_000_000_123_000 },
      'timestamp: found 1764000000123000 (microseconds); ' + MS,
    ],
    [
      'a time before 1970',
      { ...BARE, timestamp: -5 },
      'timestamp: found -5 (a time before 1970); ' + MS,
    ],
    [
      'half a millisecond',
      { ...BARE, timestamp: 1_764_000_000_123.5 },
      'timestamp: found 1764000000123.5; ' + MS,
    ],
    [
      'a time as text',
      { ...BARE, timestamp: '2026-01-01' },
      'timestamp: found "2026-01-01"; ' + MS,
    ],
    ['an unknown action', { ...BARE, action: 'explode' }, 'action: found "explode"; ' + ACTIONS],
    [
      'the action of the schema that means nothing',
      { ...BARE, action: 'unknown' },
      'action: found "unknown"; ' + ACTIONS,
    ],
    [
      'no service',
      { ...BARE, service_name: undefined },
      'service_name: found nothing; send service_name: ' + NAME.slice(5),
    ],
    [
      'an empty service',
      { ...BARE, service_name: '' },
      'service_name: found "" (is empty); ' + NAME,
    ],
    [
      'a service with an escape sequence',
      { ...BARE, service_name: '\u001b[31m' },
      'service_name: found "\\u001b[31m" (has a control character at 0); ' + NAME,
    ],
    ['a service that is a number', { ...BARE, service_name: 7 }, 'service_name: found 7; ' + NAME],
    [
      'a field under two names',
      { ...BARE, ServiceName: 'x' },
      'service_name: found the field under two names; send it once',
    ],
    [
      'a slip of the pen',
      { ...BARE, instance_di: 'x' },
      'instance_di: found a field that is not known here; did you mean "instance_id"?',
    ],
    [
      'a field that is ours',
      { ...BARE, agent: 'x' },
      'agent: found a field that is not known here; leave it out, healstream sets it itself',
    ],
    [
      'a field nobody knows',
      { ...BARE, colour: 'x' },
      'colour: found a field that is not known here; leave it out, or put it into metadata',
    ],
    [
      'metadata that is not text',
      { ...BARE, metadata: { a: 1 } },
      'metadata.a: found 1; send an object of texts, each at most 1024 characters',
    ],
    [
      'a port out of range',
      { ...BARE, port: 70_000 },
      'port: found 70000; send an integer from 1 to 65535',
    ],
    ['an array', [BARE], 'event: found an array; send one JSON object'],
    ['nothing', 'null', 'event: found null; send one JSON object'],
    ['no JSON', 'shop registers', 'line 1, column 1: found "shop"; write a JSON value'],
    [
      'a key twice',
      '{"action":"register","action":"deregister"}',
      'action at line 1, column 22: found the key twice; send it once',
    ],
    [
      'a key that reaches a prototype',
      '{"metadata":{"__proto__":"x"}}',
      'metadata.__proto__ at line 1, column 14: found a reserved key; leave it out',
    ],
    [
      'a number beyond 2^53',
      '{"timestamp":9007199254740993}',
      'timestamp at line 1, column 14: found 9007199254740993; send integers within ±(2^53 − 1)',
    ],
    ['1e400', '{"timestamp":1e400}', 'timestamp at line 1, column 14: found 1e400; send a number'],
    [
      'too much',
      `{"reason":"${'x'.repeat(70_000)}"}`,
      'event: found more than 65536 bytes; send less',
    ],
    ['too deep', `{"metadata":${'['.repeat(40)}`, 'more than 32 levels; nest less deeply'],
  ])('of %s says what to do', (_, input, message) => {
    expect(refusal(input)).toContain(message)
  })

  it('is short and free of control characters, whatever was sent', () => {
    const anything = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc
        .dictionary(fc.string({ unit: 'binary' }), fc.jsonValue())
        .map((extra) => JSON.stringify({ ...BARE, ...extra })),
    )
    fc.assert(
      fc.property(anything, (text) => {
        const result = readEdgeEvent(text, context)
        if (result.ok) return
        const message = edgeProblemText(result.problem)
        expect(message.length).toBeLessThan(500)
        expect(message).not.toMatch(/\p{Cc}/u)
      }),
      { numRuns: 5_000 },
    )
  })
})
