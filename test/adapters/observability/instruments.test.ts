// Log lines of named events: what is on them, and what must never get there.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createInstruments } from '../../../src/adapters/observability/instruments.ts'
import { refused, rig } from './rig.ts'

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
