// Addresses as people write them.
import { describe, expect, it } from 'vitest'
import { addressText, parseAddress } from '../../../src/adapters/kafka/options.ts'
import { HsError } from '../../../src/contracts/failure.ts'

describe('addresses', () => {
  it.each([
    ['localhost:9092', 'localhost', 9092],
    ['kafka-1.internal_net:1', 'kafka-1.internal_net', 1],
    ['10.0.0.1:65535', '10.0.0.1', 65535],
    ['[::1]:9092', '::1', 9092],
  ])('%s', (text, host, port) => {
    expect(parseAddress(text)).toEqual({ host, port })
    expect(addressText({ host, port })).toBe(text)
  })

  it.each([
    '',
    ':9092',
    'h',
    'h:',
    'h:0',
    'h:65536',
    'h:9o92',
    '::1:9092',
    '[h]:1',
    'h:1/x',
    'h\n:1',
  ])('refuses %j and shows it', (text) => {
    expect(() => parseAddress(text)).toThrow(HsError)
    expect(() => parseAddress(text)).toThrow(JSON.stringify(text))
  })
})
