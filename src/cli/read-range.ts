// Committed records of a range of offsets, each visited once, in order.
import type { RecordView } from '../contracts/record.ts'
import type { LogPort, TopicPartition } from '../runtime/ports.ts'

const POLL_MS = 250

/** `to` has to be visible: the end that was asked for, or less. Errors: LogError of the log. */
export async function visitRange(
  log: LogPort,
  at: TopicPartition,
  { from, to }: { readonly from: number; readonly to: number },
  visit: (view: RecordView) => void,
): Promise<void> {
  if (from >= to) return
  const reader = log.reader({ isolation: 'read_committed' })
  try {
    reader.assign(at, from)
    for (let next = from; next < to; next = reader.position(at) ?? next)
      for (const fetched of await reader.poll(POLL_MS))
        for (const batch of fetched.batches)
          batch.visit((view) => {
            if (view.offset < to) visit(view)
          }, fetched.from)
  } finally {
    await reader.close()
  }
}
