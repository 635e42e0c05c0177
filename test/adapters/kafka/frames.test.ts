// A stream cut anywhere gives the same answers, and nothing is allocated for a senseless length.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  afterTags,
  FrameError,
  FrameReader,
  MAX_ANSWER_BYTES,
} from '../../../src/adapters/kafka/frames.ts'

function framed(body: Uint8Array): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length, 0)
  return Buffer.concat([length, body])
}

function lengthOf(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value, 0)
  return bytes
}

describe('frames', () => {
  it('are the same however the stream is cut', () => {
    const bodies = fc.array(fc.uint8Array({ minLength: 4, maxLength: 300 }), { maxLength: 8 })
    fc.assert(
      fc.property(bodies, fc.infiniteStream(fc.integer({ min: 1, max: 40 })), (wanted, sizes) => {
        const stream = Buffer.concat(wanted.map(framed))
        const got: string[] = []
        const reader = new FrameReader((frame) => got.push(frame.toString('hex')))
        for (let at = 0; at < stream.length; ) {
          const size: number = sizes.next().value
          reader.push(stream.subarray(at, at + size))
          at += size
        }
        expect(got).toEqual(wanted.map((body) => Buffer.from(body).toString('hex')))
      }),
    )
  })

  it('that come whole are views, not copies', () => {
    const chunk = Buffer.concat([framed(Buffer.from('abcd')), framed(Buffer.from('efghi'))])
    const got: Buffer[] = []
    new FrameReader((frame) => got.push(frame)).push(chunk)
    expect(got.map((frame) => [frame.toString(), frame.buffer === chunk.buffer])).toEqual([
      ['abcd', true],
      ['efghi', true],
    ])
  })

  it('of a senseless length are refused before memory is taken for them', () => {
    const read = (value: number) => () => new FrameReader(() => undefined).push(lengthOf(value))
    for (const value of [-(2 ** 31), -1, 0, 3, MAX_ANSWER_BYTES + 1, 2 ** 31 - 1])
      expect(read(value)).toThrow(FrameError)
    expect(read(4)).not.toThrow()
    expect(read(MAX_ANSWER_BYTES)).not.toThrow()
  })
})

describe('tagged fields of a header', () => {
  it('are skipped, whatever they are', () => {
    const field = fc.record({
      tag: fc.integer({ min: 0, max: 90 }),
      data: fc.uint8Array({ maxLength: 100 }),
    })
    fc.assert(
      fc.property(fc.array(field, { maxLength: 9 }), fc.uint8Array(), (fields, rest) => {
        const tags = fields.flatMap(({ tag, data }) => [tag, data.length, ...data])
        const answer = Buffer.from([fields.length, ...tags, ...rest])
        expect(afterTags(answer).equals(Buffer.from(rest))).toBe(true)
      }),
    )
  })

  it('that are cut off are refused', () => {
    for (const bytes of [[], [1], [1, 0], [1, 0, 5, 1], [0x80], [0xff, 0xff, 0xff, 0xff, 0xff, 1]])
      expect(() => afterTags(Buffer.from(bytes))).toThrow(FrameError)
  })
})
