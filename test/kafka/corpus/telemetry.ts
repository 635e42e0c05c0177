// Entries about what is said well and cannot be true: counts, buckets, clocks, lives and answers.
import { agentId, serviceId, taskId } from '../../../src/contracts/ids.ts'
import type { RecordOf } from '../../../src/contracts/records.ts'
import { delta, heartbeat, probe, result, serviceEvent } from '../../support/records.ts'
import { block, Raw } from './datum.ts'
import { bent, type Change, type Poison, value, type Whom } from './poison.ts'

const goodDelta = ({ service, instance, agent, seq, nowMs }: Whom): RecordOf['telemetry'] =>
  delta({ service, instance, agent, seq, ok: 4, failed: 1, atMs: nowMs })
const beat = ({ service, instance, agent, seq, nowMs }: Whom): RecordOf['signals'] =>
  heartbeat({ service, instance, agent, seq, atMs: nowMs })
const seen = ({ service, instance, agent, seq, nowMs }: Whom): RecordOf['signals'] =>
  probe({ service, instance, agent, seq, atMs: nowMs, verdict: 'up' })
const event = ({ service, instance, agent, seq, nowMs }: Whom): RecordOf['service-events'] =>
  serviceEvent({ service, instance, agent, seq, atMs: nowMs })
const answer = ({ service, instance, agent, seq }: Whom): RecordOf['results'] =>
  result({ service, instance, agent, seq, commandId: 'c-0123' })

const MIN = -(1n << 63n)
const MAX = (1n << 63n) - 1n
const YEAR_MS = 31_557_600_000
const stat = (sum: number): Change => ({ n: 1, sum, max: 1 })
const gauges = (cpu: object | null): Change => ({
  cpu,
  rss: null,
  fds: null,
  run_queue_wait: null,
  event_loop_delay: null,
  rtt: null,
  loss: null,
})
const buckets = (count: number, gap: number = 1): Change => ({
  buckets: Array.from({ length: count }, () => ({ gap, count: 1 })),
})

const counts = bent('telemetry', goodDelta, [
  ['less than no requests', 'invalid', { n: -1 }],
  ['the least number there is', 'corrupt', { n: MIN }],
  ['the largest number there is', 'corrupt', { n: MAX }],
  ['2^40 requests in a second', 'count_too_large', { n: 1n << 40n }],
  ['2^53 requests', 'corrupt', { n: 1n << 53n }],
  ['more errors than requests', 'invalid', { errors: 6 }],
  ['less than no errors', 'invalid', { errors: -1 }],
  ['more local errors than errors', 'invalid', { local_errors: 2 }],
  ['a negative sum of latencies', 'invalid', { sum_us: -5 }],
  ['a negative latency', 'invalid', { max_us: -5 }],
  ['more latencies than requests', 'invalid', { zeros: 3 }],
  ['nothing at all', 'taken', { n: 0, errors: 0, sum_us: 0, max_us: 0, buckets: [] }],
  ['an empty bucket', 'invalid', { buckets: [{ gap: 3, count: 0 }] }],
  ['a bucket of less than nothing', 'invalid', { buckets: [{ gap: 3, count: -2 }] }],
  ['buckets that do not ascend', 'invalid', buckets(3, 0)],
  ['buckets that go back', 'invalid', buckets(3, -7)],
  ['a bucket beyond all latencies', 'taken', { buckets: [{ gap: 2_000_000_000, count: 1 }] }],
  ['buckets over the largest index', 'invalid', buckets(3, 1_500_000_000)],
  ['5,000 buckets', 'invalid', { ...buckets(5_000), n: 5_000 }],
  ['30,000,000 buckets that are not there', 'corrupt', { buckets: block(30_000_000n) }],
  ['2^50 buckets', 'corrupt', { buckets: block(1n << 50n) }],
  ['scale 99', 'invalid', { scale: 99 }],
  ['scale -99', 'invalid', { scale: -99 }],
  ['a gauge that is no number', 'invalid', { gauges: gauges(stat(Number.NaN)) }],
  ['an infinite gauge', 'invalid', { gauges: gauges(stat(Number.POSITIVE_INFINITY)) }],
  ['a tick of less than no time', 'invalid', { tick_ms: -1 }],
  ['a tick of ten hours', 'invalid', { tick_ms: 36_000_000 }],
  ['sequence number 0', 'invalid', { seq: 0 }],
  ['a negative sequence number', 'invalid', { seq: -1 }],
  ['a negative epoch', 'invalid', { epoch: -1 }],
  ['a lane that is none', 'corrupt', { lane: 7 }],
  ['a branch that is none', 'corrupt', { gauges: new Raw(Buffer.from([18])) }],
  ['a boolean that is none', 'corrupt', { synthetic: new Raw(Buffer.from([2])) }],
  ['a number without end', 'corrupt', { n: new Raw(Buffer.alloc(30, 255)) }],
  ['a caller without a name', 'invalid', { caller: { service: '', instance: 'x' } }],
  ['an operation of 10 kB', 'invalid', { operation: 'x'.repeat(10_000) }],
  ['1,000 exemplars', 'invalid', () => exemplars(1_000)],
])

function exemplars(count: number): Change {
  const one = { trace_id: 'ab'.repeat(16), latency_us: 1 }
  return { exemplars: Array.from({ length: count }, () => one) }
}

const clocks = bent('telemetry', goodDelta, [
  ['time 0', 'taken', { tick_start_ms: 0 }],
  ['seconds instead of ms', 'taken', ({ nowMs }) => ({ tick_start_ms: Math.floor(nowMs / 1e3) })],
  ['microseconds instead of ms', 'taken', ({ nowMs }) => ({ tick_start_ms: nowMs * 1_000 })],
  ['an hour ahead', 'taken', ({ nowMs }) => ({ tick_start_ms: nowMs + 3_600_000 })],
  ['ten years ahead', 'taken', ({ nowMs }) => ({ tick_start_ms: nowMs + 10 * YEAR_MS })],
  ['ten years behind', 'taken', ({ nowMs }) => ({ tick_start_ms: nowMs - 10 * YEAR_MS })],
  ['before all time', 'corrupt', { tick_start_ms: MIN }],
])

const signs = [
  ...bent('signals', beat, [
    ['a heartbeat without one', 'taken', { heartbeat: null }],
    ['of no kind', 'taken', { kind: 0 }],
    ['of a kind to come', 'corrupt', { kind: 77 }],
    ['incarnation -1', 'taken', { incarnation: -1 }],
    ['the last incarnation there is', 'corrupt', { incarnation: MAX }],
    ['a clock of 1970', 'taken', { at_ms: 0 }],
    ['a clock ten years ahead', 'taken', ({ nowMs }) => ({ at_ms: nowMs + 10 * YEAR_MS })],
  ]),
  ...bent('signals', seen, [
    [
      'a verdict that is none',
      'corrupt',
      (whom) => ({ probe: { ...seen(whom).probe, verdict: 9 } }),
    ],
    ['-7 failures', 'taken', (whom) => ({ probe: { ...seen(whom).probe, failures: -7 } })],
    ['a latency below 0', 'taken', (whom) => ({ probe: { ...seen(whom).probe, latency_us: -1 } })],
  ]),
]

const SELF = 'here'
const registry = [
  ...bent('service-events', event, [
    ['an action to come', 'corrupt', { action: 70 }],
    ['an action that is none', 'unknown_action', { action: 0 }],
    ['no cluster', 'invalid', { cluster_id: '' }],
    ['version -1', 'taken', { version: -1 }],
    ['a lease of less than no time', 'taken', { lease_ttl_ms: -1 }],
    ['a lease for ever', 'corrupt', { lease_ttl_ms: MAX }],
    ['port 99999', 'taken', { port: 99_999 }],
    [
      'a way of 1,000 clusters',
      'taken',
      { path: Array.from({ length: 1_000 }, (_, i) => `c${i}`) },
    ],
    ['a way in circles', 'taken', { path: [SELF, 'b', SELF, 'b', SELF] }],
    ['a way of 30,000,000 clusters', 'corrupt', { path: block(30_000_000n) }],
    ['a way of a block of -2^40', 'corrupt', { path: block(-(1n << 40n)) }],
    ['metadata that reach prototypes', 'invalid', { metadata: JSON.parse('{"__proto__":"x"}') }],
    ['a clock far ahead', 'taken', ({ nowMs }) => ({ timestamp: nowMs + 10 * YEAR_MS })],
    ['the end of somebody unknown', 'taken', { action: 'deregister' }],
  ]),
]

const answers = bent('results', answer, [
  ['of a command that nobody gave', 'taken', { command_id: 'c-nobody' }],
  ['of a command without a name', 'invalid', { command_id: '' }],
  ['twice, with another outcome', 'taken', { outcome: 'failed' }],
  ['an outcome to come', 'corrupt', { outcome: 50 }],
  ['the last number there is', 'corrupt', { command_seq: MAX }],
  ['it ended before it began', 'taken', { started_at_ms: 9, ended_at_ms: 1 }],
  ['facts that reach prototypes', 'invalid', { facts: JSON.parse('{"__proto__":"x"}') }],
])

const pulse = ({ seq, nowMs }: Whom): RecordOf['fleet'] => ({
  task: taskId('s0'),
  seq,
  gen: 1,
  at_ms: nowMs,
  kind: 'pulse',
  pulse: { as_of_ms: nowMs, blind: false, reporters_expected: 6, reporters_seen: 6 },
  grant: null,
  verdict: null,
})
const grant = (change: Change): Change => {
  const good = { lease_id: 'lease-1', budget: 'fleet', tokens: 2, deadline_ms: 0 }
  return { kind: 'grant', pulse: null, grant: { ...good, ...change } }
}
const pulses = bent('fleet', pulse, [
  ['a pulse without one', 'taken', { pulse: null }],
  ['a grant without one', 'taken', { kind: 'grant', pulse: null }],
  ['a grant of -5 tokens', 'taken', grant({ tokens: -5 })],
  ['a grant of 2^31 tokens', 'taken', grant({ tokens: 2_147_483_647 })],
  ['a grant until the end of time', 'corrupt', grant({ deadline_ms: MAX })],
  ['a grant that ended before all time', 'corrupt', grant({ deadline_ms: MIN })],
  ['a grant of no budget', 'taken', grant({ budget: '' })],
  ['a grant without a name', 'taken', grant({ lease_id: '' })],
  ['a take-back of nothing', 'taken', { ...grant({ lease_id: 'x' }), kind: 'take_back' }],
  ['a take-back without a grant', 'taken', { kind: 'take_back', pulse: null }],
  ['of another task', 'foreign_task', { task: 's1' }],
  ['of no kind', 'taken', { kind: 0 }],
  ['of a kind to come', 'corrupt', { kind: 60 }],
  ['a pulse of next year', 'taken', ({ nowMs }) => ({ at_ms: nowMs + YEAR_MS })],
  ['a generation of -1', 'taken', { gen: -1 }],
  ['a number that goes back', 'taken', { seq: -9 }],
])

const seenBy = ({ service, seq, nowMs }: Whom): RecordOf['observations'] => ({
  task: taskId('s0'),
  gen: 1,
  seq: 1_000_000 + seq,
  at_ms: nowMs,
  urgent: false,
  services: [seenOf(service)],
  reporters: [{ agent: agentId('a'), last_ms: nowMs }],
  leases: [],
  waiting: 0,
  stock: 0,
  fleet_seq: 0,
})
function seenOf(service: string): RecordOf['observations']['services'][number] {
  const counts = { instances: 1, healthy: 1, unstable: 0, unhealthy: 0, unknown: 0, routable: 1 }
  const figures = { n: 1, errors: 0, p99_us: null, onset_ms: null, sick_by_zone: {} }
  return { service: serviceId(service), ...counts, ...figures }
}
const lease = { lease_id: 'nobody-gave-it', spent: 9, settled: true, tokens: 5 }
/** The fleet task has letters of its own; what counts here is that it goes on. */
const observations = bent('observations', seenBy, [
  [
    'less than no instances',
    'taken',
    (whom) => ({
      services: [{ ...seenOf(whom.service), instances: -3, unhealthy: -9 }],
    }),
  ],
  [
    'one service 1,000 times',
    'taken',
    (whom) => ({
      services: Array.from({ length: 1_000 }, () => seenOf(whom.service)),
    }),
  ],
  ['30,000,000 services that are not there', 'taken', { services: block(30_000_000n) }],
  ['a task that is none', 'taken', { task: 'x'.repeat(300) }],
  ['of another task', 'taken', { task: 's7' }],
  ['a lease that nobody gave', 'taken', { leases: [lease] }],
  ['less than nothing in stock', 'taken', { stock: -5, waiting: -5 }],
  [
    'zones that reach prototypes',
    'taken',
    (whom) => ({
      services: [{ ...seenOf(whom.service), sick_by_zone: JSON.parse('{"__proto__":1}') }],
    }),
  ],
  ['the end of time', 'taken', { at_ms: MAX }],
])

/** Of a fleet task that is none: only tasks may write there, and this says nothing that they do. */
const fleet: readonly Poison[] = [
  value('fleet', ['garbage in the place of a pulse', 'not_avro'], () => Buffer.from('garbage')),
  value('fleet', ['nothing in the place of a pulse', 'empty'], () => null),
]

export const TELEMETRY: readonly Poison[] = [
  ...counts,
  ...clocks,
  ...signs,
  ...registry,
  ...answers,
  ...fleet,
  ...pulses,
  ...observations,
]
