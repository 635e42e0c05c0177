// How missing access is told: alike in one phrase, and the command that allows it.
import { describe, expect, it } from 'vitest'
import { accessOf } from '../../../src/config/access.ts'
import { checkAccess, principalOf } from '../../../src/roles/doctor/access.ts'
import { systemClock } from '../../../src/runtime/clock.ts'

const names = { role: 'agent', prefix: 'hs.', group: 'g', principal: 'User:a' } as const

describe('missing access', () => {
  it('is nothing to speak of when there is none', () => {
    expect(checkAccess([], names)).toMatchObject({ level: 'ok', fix: null })
  })

  it('names every resource, those with the same operations together', () => {
    const { found, fix, level } = checkAccess(accessOf('agent', names), names)
    expect(level).toBe('fail')
    expect(found).toBe(
      'role agent may not Write and DescribeConfigs on topic hs.service-events, hs.results, ' +
        'hs.signals, hs.telemetry; Read and DescribeConfigs on topic hs.commands, hs.registry, ' +
        'hs.journal',
    )
    expect(fix).toContain('kafka-acls --add --allow-principal User:a --operation Write')
  })

  it('says that a pattern is one', () => {
    const worker = accessOf('worker', { prefix: 'hs.', group: 'g' })
    expect(checkAccess(worker, names).found).toContain('Write on transactional-id hs.*')
  })
})

describe('who we are to the brokers', () => {
  const at = { brokers: [], clock: systemClock }
  const token = { mechanism: 'OAUTHBEARER', token: { file: 't' } } as const
  const scram = { mechanism: 'PLAIN', username: 'ann', password: { file: 'p' } } as const
  it.each([
    [at, 'User:ANONYMOUS'],
    [{ ...at, sasl: scram }, 'User:ann'],
    [{ ...at, sasl: token }, 'User:NAME'],
    [{ ...at, tls: { certFile: 'c', keyFile: 'k' } }, 'User:NAME'],
    [{ ...at, tls: {} }, 'User:ANONYMOUS'],
  ])('case %#', (options, name) => {
    expect(principalOf(options)).toBe(name)
  })
})
