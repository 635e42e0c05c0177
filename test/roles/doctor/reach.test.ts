// Why an address does not answer, in words.
import { describe, expect, it } from 'vitest'
import { failureOf, reasonOf } from '../../../src/roles/doctor/reach.ts'
import { LogError } from '../../../src/runtime/log-error.ts'

const caused = (code: string): LogError => {
  const inner = Object.assign(new Error('inner'), { code })
  return new LogError('UNAVAILABLE', 'outer', { cause: new Error('between', { cause: inner }) })
}

describe('the reason', () => {
  it.each([
    ['ENOTFOUND', /host name is not known/],
    ['ECONNREFUSED', /nothing listens/],
    ['ECONNRESET', /cut before an answer/],
    ['EHOSTUNREACH', /no route/],
  ])('is found wherever it lies among the causes: %s', (code, words) => {
    expect(reasonOf(caused(code)).why).toMatch(words)
  })

  it('is what the error says where nothing else is known', () => {
    expect(reasonOf(new LogError('UNAVAILABLE', 'quiet for 3 s')).why).toBe('quiet for 3 s')
  })

  it('names the address once', () => {
    const address = 'kafka-1:9092'
    const refused = new LogError('NOT_AUTHORIZED', `${address}: its certificate has expired`)
    expect(failureOf({ address, error: refused })).toBe(`${address}: its certificate has expired`)
    const silent = failureOf({ address, error: caused('ECONNREFUSED') })
    expect(silent).toBe(`${address} does not answer: nothing listens there`)
  })
})
