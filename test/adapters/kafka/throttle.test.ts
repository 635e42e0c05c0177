// Where a broker's wish to wait stands in an answer.
import { describe, expect, it } from 'vitest'
import { throttleMs } from '../../../src/adapters/kafka/throttle.ts'
import { echo } from './peer.ts'

const of = (apiKey: number, apiVersion: number, flexible = false) =>
  echo('', { apiKey, apiVersion, flexible })

describe('throttle time', () => {
  const body = Buffer.alloc(12)
  body.writeInt32BE(111, 0)
  body.writeInt32BE(222, 8)

  it('is the first field, and the last of Produce', () => {
    expect(throttleMs(of(1, 11), body)).toBe(111)
    expect(throttleMs(of(22, 4, true), body)).toBe(111)
    expect(throttleMs(of(0, 7), body)).toBe(222)
  })

  it('is not for the client where the broker waits itself, or where there is none', () => {
    expect(throttleMs(of(1, 7), body)).toBe(0)
    expect(throttleMs(of(20, 1), body)).toBe(0)
    expect(throttleMs(of(17, 1), body)).toBe(0)
    expect(throttleMs(of(0, 9, true), body)).toBe(0)
  })

  it('is nothing in garbage', () => {
    expect(throttleMs(of(1, 11), Buffer.alloc(2))).toBe(0)
    expect(throttleMs(of(1, 11), Buffer.alloc(4, 0xff))).toBe(0)
  })
})
