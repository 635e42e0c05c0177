// What happened to the broken instance, read back from the topics by a reader of its own: the demo
// believes what the log says, not what its own parts tell it.
import type { Decoder } from '../../contracts/decode.ts'
import type { RecordView } from '../../contracts/record.ts'
import type { Command, CommandResult, IncidentEvent, Pulse } from '../../contracts/records.ts'
import { topicName } from '../../contracts/topics.ts'
import type { LogPort } from '../../runtime/ports.ts'

const POLL_MS = 500

/** A record of the story with the time at which the log took it. */
export type StoryRecord =
  | { readonly kind: 'incident'; readonly appendMs: number; readonly event: IncidentEvent }
  | { readonly kind: 'command'; readonly appendMs: number; readonly command: Command }
  | { readonly kind: 'result'; readonly appendMs: number; readonly result: CommandResult }
  | { readonly kind: 'pulse'; readonly appendMs: number; readonly pulse: Pulse }

export interface StoryOptions {
  readonly log: LogPort
  readonly decoder: Decoder
  readonly prefix: string
  readonly partitions: number
  /** What the fleet task says of the fleet is read too. */
  readonly pulses?: boolean
}

const KINDS = ['incidents', 'commands', 'results'] as const
type Kind = (typeof KINDS)[number] | 'fleet'

/** Records of the story in the order of their append, until aborted. */
export async function* readStory(
  options: StoryOptions,
  signal: AbortSignal,
): AsyncGenerator<StoryRecord> {
  const reader = options.log.reader({ isolation: 'read_committed' })
  const wanted: readonly Kind[] = options.pulses === true ? [...KINDS, 'fleet'] : KINDS
  const kinds = new Map(wanted.map((kind) => [topicName(kind, options.prefix), kind]))
  for (const topic of kinds.keys())
    for (let partition = 0; partition < options.partitions; partition++)
      reader.assign({ topic, partition }, 'earliest')
  try {
    while (!signal.aborted) {
      const found: StoryRecord[] = []
      for (const { topic, batches, from } of await reader.poll(POLL_MS, signal)) {
        const kind = kinds.get(topic)
        if (kind === undefined) continue
        for (const batch of batches)
          batch.visit((view) => {
            const record = decode(options.decoder, kind, view)
            if (record !== null) found.push(record)
          }, from)
      }
      yield* found.sort((a, b) => a.appendMs - b.appendMs)
    }
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    await reader.close()
  }
}

function decode(decoder: Decoder, topic: Kind, view: RecordView): StoryRecord | null {
  const appendMs = view.timestampMs
  if (topic === 'incidents') {
    const decoded = decoder.decode(topic, view)
    return decoded.ok ? { kind: 'incident', appendMs, event: decoded.record } : null
  }
  if (topic === 'commands') {
    const decoded = decoder.decode(topic, view)
    return decoded.ok ? { kind: 'command', appendMs, command: decoded.record } : null
  }
  if (topic === 'fleet') {
    const decoded = decoder.decode(topic, view)
    const pulse = decoded.ok ? decoded.record.pulse : null
    return pulse === null ? null : { kind: 'pulse', appendMs, pulse }
  }
  const decoded = decoder.decode(topic, view)
  return decoded.ok ? { kind: 'result', appendMs, result: decoded.record } : null
}
