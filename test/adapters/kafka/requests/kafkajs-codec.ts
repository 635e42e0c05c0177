// kafkajs' own encoder and request codecs, as the second opinion on ours.
import { createRequire } from 'node:module'

const load: (path: string) => unknown = createRequire(import.meta.url)

export interface Encoder {
  readonly buffer: Buffer
  writeInt8(value: number): Encoder
  writeInt16(value: number): Encoder
  writeInt32(value: number): Encoder
  writeInt64(value: number | bigint | string): Encoder
  writeUVarInt(value: number): Encoder
  writeBoolean(value: boolean): Encoder
  writeString(value: string | null): Encoder
  writeBytes(value: Buffer | null): Encoder
  writeEncoder(value: Encoder): Encoder
}

const EncoderClass = load('kafkajs/src/protocol/encoder') as new () => Encoder

interface Codec {
  readonly request: { readonly apiKey: number; encode(): Promise<Encoder> }
  readonly response: { decode(body: Buffer): Promise<unknown> }
}
interface Definition {
  protocol(of: { readonly version: number }): (args: object) => Codec
}

const { requests } = load('kafkajs/src/protocol/requests') as {
  readonly requests: Readonly<Record<string, Definition>>
}

/** Errors: when kafkajs has no such request. */
export function kafkajsCodec(apiName: string, version: number, args: object): Codec {
  const definition = requests[apiName]
  if (definition === undefined) throw new Error(`kafkajs has no ${apiName}`)
  return definition.protocol({ version })(args)
}

/** An answer in the making. */
export function answer(): Encoder {
  return new EncoderClass()
}

/** An array of a protocol's answer. */
export function arrayOf<T>(items: readonly T[], write: (to: Encoder, item: T) => Encoder): Encoder {
  const to = answer().writeInt32(items.length)
  for (const item of items) write(to, item)
  return to
}
