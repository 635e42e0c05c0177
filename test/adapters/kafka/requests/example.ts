// What every request is held against: the same in kafkajs' words where it speaks that version, an
// answer to it written by kafkajs' encoder, what that answer says; and the answer cut and spoiled.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MalformedAnswer } from '../../../../src/adapters/kafka/requests/bytes.ts'
import type { KafkaRequest } from '../../../../src/adapters/kafka/wire.ts'
import { arrayOf, type Encoder, kafkajsCodec } from './kafkajs-codec.ts'

export interface Example {
  readonly request: KafkaRequest<unknown>
  /** null: kafkajs does not speak the version. */
  readonly kafkajs: object | null
  readonly answer: Buffer
  readonly says: unknown
}

/** Beyond 2^32, so that both halves of a 64-bit field count. */
export const FAR = 5_000_000_123
export const PRODUCER_ID = 9_007_199_254_740_000

/** Partitions under their topics. */
export function topicsOf(
  topics: Readonly<Record<string, readonly number[]>>,
  write: (to: Encoder, partition: number) => Encoder,
): Encoder {
  return arrayOf(Object.entries(topics), (to, [topic, partitions]) =>
    to
      .writeString(topic)
      .writeEncoder(
        arrayOf(partitions, (inner, partition) => write(inner.writeInt32(partition), partition)),
      ),
  )
}

/** The answer, or that it was refused; anything else that is thrown fails the test. */
async function decoded(decode: () => unknown): Promise<unknown> {
  try {
    return await decode()
  } catch (error) {
    expect(error).toBeInstanceOf(MalformedAnswer)
    return MalformedAnswer
  }
}

/** Byte for byte as kafkajs writes it; the answer whole, cut anywhere, and spoiled. */
export function holds({ request, kafkajs, answer, says }: Example): void {
  describe(request.apiName, () => {
    // Null where kafkajs speaks no such version.
    if (kafkajs !== null)
      it('is written as kafkajs writes it', async () => {
        const codec = kafkajsCodec(request.apiName, request.apiVersion, kafkajs)
        expect(request.apiKey).toBe(codec.request.apiKey)
        const { buffer } = await codec.request.encode()
        expect((await request.encode()).toString('hex')).toBe(buffer.toString('hex'))
      })

    it('says what is in the answer', async () => {
      expect(await request.decode(answer)).toEqual(says)
    })

    it('cut anywhere, the answer is refused', async () => {
      for (let length = 0; length < answer.length; length++) {
        const cut = Buffer.from(answer.subarray(0, length))
        expect(await decoded(() => request.decode(cut)), `cut at ${length}`).toBe(MalformedAnswer)
      }
    })

    it('with more behind its end, the answer is refused', async () => {
      const longer = Buffer.concat([answer, Buffer.from([0])])
      expect(await decoded(() => request.decode(longer))).toBe(MalformedAnswer)
    })

    it('spoiled, the answer is read or refused, soon', async () => {
      const spoil = fc.record({
        at: fc.nat(answer.length - 1),
        bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }),
      })
      await fc.assert(
        fc.asyncProperty(fc.array(spoil, { minLength: 1, maxLength: 4 }), async (spoils) => {
          const copy = Buffer.from(answer)
          for (const { at, bytes } of spoils) copy.set(bytes.subarray(0, copy.length - at), at)
          await decoded(() => request.decode(copy))
        }),
      )
    })
  })
}
