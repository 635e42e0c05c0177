// Log lines and metrics of named events: what is on them, and what must never get there.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type InstrumentsOptions,
  type Observability,
  createInstruments,
} from '../../../src/adapters/observability/instruments.ts'
import { SERIES_MAX } from '../../../src/adapters/observability/metrics.ts'
import { EVENTS, type EventKind } from '../../../src/runtime/instruments.ts'

interface Rig extends Observability {
  readonly lines: string[]
}

function rig(options: Partial<InstrumentsOptions> = {}): Rig {
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  return { ...createInstruments({ level: 'debug', destination, ...options }), lines }
}

const refused = { topic: 'hs.telemetry', partition: 3, offset: 17, reason: 'corrupt' }

describe('a log line', () => {
  it('is JSON with time, level, service, event, message and fields', () => {
    const { instruments, lines } = rig({ labels: { role: 'worker' } })
    instruments.emit('record_refused', refused)
    expect(lines).toHaveLength(1)
    const { timestamp, ...line } = JSON.parse(lines[0] ?? '')
    expect(new Date(timestamp).toISOString()).toBe(timestamp)
    expect(line).toEqual({
      level: 'WARN',
      service: 'healstream',
      role: 'worker',
      event: 'record_refused',
      message: 'hs.telemetry-3@17 refused: corrupt',
      fields: refused,
    })
  })

  it('is written from its level on', () => {
    const { instruments, lines } = rig({ level: 'warn' })
    instruments.emit('task_step', { task: 's1', seq: 1, records: 2 })
    instruments.emit('process_started', { role: 'worker', detail: '' })
    expect(lines).toEqual([])
    instruments.emit('record_refused', refused)
    expect(lines).toHaveLength(1)
    const silent = rig({ level: 'silent' })
    silent.instruments.emit('record_refused', refused)
    expect(silent.lines).toEqual([])
  })

  it('can be made for reading', () => {
    const { instruments, lines } = rig({ pretty: true })
    instruments.emit('record_refused', refused)
    expect(lines[0]).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} WARN {2}hs\.telemetry-3@17 refused: corrupt\n$/,
    )
  })

  it('shows that a field was not given', () => {
    const { instruments, lines } = rig()
    instruments.emit('record_refused', { topic: 't' })
    expect(JSON.parse(lines[0] ?? '').message).toBe('t-?@? refused: ?')
  })

  it('does not fill in what a field says', () => {
    const { instruments, lines } = rig()
    instruments.emit('record_refused', { ...refused, topic: '{reason}', reason: '$& $1 {topic}' })
    expect(JSON.parse(lines[0] ?? '').message).toBe('{reason}-3@17 refused: $& $1 {topic}')
  })

  it.each([true, false])(
    'is one line without controls, whatever was sent (pretty %s)',
    (pretty) => {
      fc.assert(
        fc.property(fc.string({ unit: 'binary', maxLength: 40 }), fc.string(), (text, name) => {
          const { instruments, lines } = rig({ pretty })
          const forged = `${text}\n{"level":"INFO","message":"forged"}\u001b[2K\u2028\u202e\u0085`
          instruments.emit('record_refused', {
            ...refused,
            reason: forged,
            [`${name}\u0007`]: text,
          })
          expect(lines).toHaveLength(1)
          expect(lines[0]?.slice(0, -1)).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e]/u)
          expect(lines[0]?.endsWith('\n')).toBe(true)
        }),
        { numRuns: 300 },
      )
    },
  )

  // A pattern that looks for URLs once ran for ten minutes over a megabyte of one letter.
  it.each(['x', 'a:', 'token=', 'eyJaaaaaa.', 'x://u:', '-----BEGIN PRIVATE KEY-----', 'Basic '])(
    'is cut, at once, when a million times %j was sent',
    (unit) => {
      const { instruments, lines } = rig()
      const started = performance.now()
      instruments.emit('record_refused', { ...refused, reason: unit.repeat(1_000_000) })
      expect(lines[0]?.length).toBeLessThan(5_000)
      expect(performance.now() - started).toBeLessThan(1_000)
    },
  )

  it('is cut without a piece of a secret at the end', () => {
    const secret = 'S3CRET-'.repeat(10)
    const { instruments, lines } = rig({ secrets: [secret] })
    for (let at = 940; at < 1_030; at++)
      instruments.emit('record_refused', { ...refused, reason: 'x'.repeat(at) + secret })
    for (let at = 0; at < 80; at++)
      instruments.emit('record_refused', {
        ...refused,
        reason: 'x'.repeat(at) + secret.repeat(100),
      })
    expect(lines.join('')).not.toContain('S3C')
  })

  it('is lost without harm when it cannot be written', async () => {
    const destination = {
      write: () => {
        throw new Error('no space left on device')
      },
    }
    const { instruments, metricsText } = createInstruments({ level: 'debug', destination })
    instruments.emit('record_refused', refused)
    expect(await metricsText()).toContain('healstream_dead_letters_total')
  })
})

describe('a secret', () => {
  const CANARY = 'cAnArY-5f2b/81+é'
  const hidden = (lines: readonly string[]): void => {
    const all = lines.join('')
    expect(all).toContain('[redacted]')
    expect(all).not.toContain('cAnArY')
    expect(all).not.toContain(encodeURIComponent(CANARY))
  }

  it.each<EventKind>(Object.keys(EVENTS) as EventKind[])(
    'known to the process appears in no field of %s, in no form and under no name',
    (kind) => {
      const { instruments, lines } = rig({ secrets: [CANARY] })
      const names = [...EVENTS[kind].text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '')
      for (const text of [CANARY, `x ${CANARY} y`, `?t=${encodeURIComponent(CANARY)}`])
        instruments.emit(kind, Object.fromEntries([...names, 'more'].map((name) => [name, text])))
      hidden(lines)
    },
  )

  it.each([
    ['a field named token', { token: CANARY }],
    ['a field named PASSWORD', { PASSWORD: CANARY }],
    ['a field named client_secret', { client_secret: CANARY }],
    ['a field named api-key', { 'api-key': CANARY }],
    ['a number in a field named password', { password: 123_456 }],
    ['a URL with an account', { reason: `connect https://user:${CANARY}@host:8081/x failed` }],
    ['an authorization header', { reason: `authorization: Bearer ${CANARY}` }],
    ['a basic header', { reason: `Basic ${CANARY}` }],
    ['a query', { reason: `GET /x?token=${CANARY}&a=1` }],
    ['an object as text', { reason: `{"password": "${CANARY}"}` }],
    ['a key file', { reason: `-----BEGIN PRIVATE KEY-----\n${CANARY}\n-----END PRIVATE KEY-----` }],
    ['half a key file', { reason: `-----BEGIN EC PRIVATE KEY-----\n${CANARY}` }],
    ['a web token', { reason: 'eyJcAnArY1.eyJcAnArY2.cAnArY3' }],
  ])('in %s is hidden though nobody named it', (_, fields) => {
    const { instruments, lines } = rig()
    instruments.emit('record_refused', { ...refused, ...fields })
    const all = lines.join('')
    expect(all).toContain('[redacted]')
    expect(all).not.toContain('cAnArY')
    expect(all).not.toContain('123456')
  })

  it('does not take ordinary words with it', () => {
    const { instruments, lines } = rig({ secrets: ['', 'a', 'shop'] })
    const reason = 'shop says: tokens granted, monkey business, key service'
    instruments.emit('record_refused', { ...refused, reason, key: 'service', tokens_left: 3 })
    expect(JSON.parse(lines[0] ?? '').fields).toMatchObject({
      reason,
      key: 'service',
      tokens_left: 3,
    })
  })
})

describe('metrics', () => {
  it('count, add and distribute what the events say', async () => {
    const { instruments, metricsText } = rig({ level: 'silent', labels: { role: 'worker' } })
    instruments.emit('task_step', { task: 's1', seq: 1, records: 5 })
    instruments.emit('task_step', { task: 's1', seq: 2, records: 7 })
    instruments.emit('task_commit', { task: 's1', records: 1, ms: 3 })
    instruments.emit('task_commit', { task: 's1', records: 1, ms: 30_000 })
    instruments.emit('record_refused', refused)
    const text = await metricsText()
    for (const line of [
      'healstream_steps_total{role="worker"} 2',
      'healstream_records_total{role="worker"} 12',
      'healstream_commit_ms_bucket{le="2",role="worker"} 0',
      'healstream_commit_ms_bucket{le="5",role="worker"} 1',
      'healstream_commit_ms_bucket{le="+Inf",role="worker"} 2',
      'healstream_commit_ms_sum{role="worker"} 30003',
      'healstream_dead_letters_total{topic="hs.telemetry",reason="corrupt",role="worker"} 1',
    ])
      expect(text.split('\n')).toContain(line)
  })

  it('bring those of the process and the build', async () => {
    const { metricsText, metricsContentType } = rig()
    const text = await metricsText()
    expect(text).toMatch(/^process_cpu_seconds_total /m)
    expect(text).toMatch(/^nodejs_eventloop_lag_seconds /m)
    expect(text).toMatch(/^healstream_build_info\{version="\d+\.\d+\.\d+",node="v\d+[^"]*"\} 1$/m)
    expect(metricsContentType).toMatch(/^text\/plain; version=0\.0\.4/)
  })

  it('have a bounded number of series', async () => {
    const { instruments, metricsText } = rig({ level: 'silent' })
    for (let i = 0; i < 5_000; i++)
      instruments.emit('record_refused', { ...refused, reason: `reason ${i} ${'x'.repeat(500)}` })
    const lines = (await metricsText()).split('\n')
    const series = lines.filter((line) => line.startsWith('healstream_dead_letters_total{'))
    expect(series).toHaveLength(SERIES_MAX + 1)
    const other = series.find((line) => line.includes('reason="other"'))
    expect(other?.endsWith(` ${5_000 - SERIES_MAX}`)).toBe(true)
    expect(Math.max(...series.map((line) => line.length))).toBeLessThan(250)
  })

  it('keep their form whatever a label says', async () => {
    const { instruments, metricsText } = rig({ level: 'silent' })
    const evil = 'a"} 1\nhealstream_forged_total 9\n\u001b[2K\\'
    instruments.emit('record_refused', { ...refused, topic: evil })
    const text = await metricsText()
    const line = /^(#.*|[a-z0-9_]+(\{([a-z_]+="([^"\\\n]|\\.)*",?)*\})? [-+\d.eEInfNa]+|)$/
    for (const each of text.split('\n')) expect(each).toMatch(line)
    expect(text).not.toMatch(/^healstream_forged/m)
  })

  it('ignore what is no number, and counters going back', async () => {
    const { instruments, metricsText } = rig({ level: 'silent' })
    for (const records of [Number.NaN, Infinity, -5, null, 'x'])
      instruments.emit('task_step', { task: 's1', seq: 1, records })
    const text = await metricsText()
    expect(text).toMatch(/^healstream_steps_total 5$/m)
    expect(text).toMatch(/^healstream_records_total 0$/m)
  })

  it('do not mix between two of them in one process', async () => {
    const [one, two] = [rig({ level: 'silent' }), rig({ level: 'silent' })]
    one.instruments.emit('task_step', { task: 's1', seq: 1, records: 5 })
    expect(await one.metricsText()).toMatch(/^healstream_steps_total 1$/m)
    expect(await two.metricsText()).toMatch(/^healstream_steps_total 0$/m)
  })
})
