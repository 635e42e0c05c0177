// A canary in every place a secret could slip through.
import { describe, expect, it } from 'vitest'
import { EVENTS, type EventKind } from '../../../src/runtime/instruments.ts'
import { refused, rig } from './rig.ts'

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
