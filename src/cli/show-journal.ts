// Entries of a journal as lines and as JSON. Texts in them come from people and other programs.
import { snakeCase } from '../contracts/edge-event.ts'
import type { JournalEntry, JournalSlice, JournalStep } from '../contracts/journal.ts'
import { printable } from '../contracts/printable.ts'
import type { ChainedEntry } from '../runtime/journal.ts'
import { clockTime } from './table.ts'

const SHORT = 12

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const short = (bytes: Uint8Array): string => hex(bytes).slice(0, SHORT)

/** Fields as the entry has them, in snake_case; hashes and digests in hex. */
export function entryJson({ offset, atMs, entry, hash, previous }: ChainedEntry): object {
  const links = { hash: hex(hash), previous: hex(previous) }
  return { offset, at_ms: atMs, ...plain(entry), ...links }
}

function plain(value: JournalEntry): object {
  const copied = named(value)
  return typeof copied === 'object' && copied !== null ? copied : {}
}

function named(value: unknown): unknown {
  if (value instanceof Uint8Array) return hex(value)
  if (Array.isArray(value)) return value.map(named)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [snakeCase(key), named(one)]))
}

export function entryLine(chained: ChainedEntry): string {
  const { offset, atMs, entry, hash } = chained
  const head = `${String(offset).padStart(8)}  ${clockTime(atMs)}  ${entry.kind.padEnd(8)}`
  return printable(`${head}  ${sentence(entry)}  #${short(hash)}`)
}

function sentence(entry: JournalEntry): string {
  switch (entry.kind) {
    case 'genesis': {
      const { clusterId, partitions, behaviour, format, dev, lastTip } = entry
      const loss = lastTip === null ? '' : `, after a loss (last entry known: ${lastTip.offset})`
      const begun = `cluster ${clusterId}, ${partitions} partitions, behaviour ${behaviour}`
      return `${begun}, format ${format}${dev ? ', dev' : ''}${loss}`
    }
    case 'fence': {
      const { gen, member, group, generation, attempt, suspect } = entry
      const again = attempt > 1 ? `, attempt ${attempt} at this place` : ''
      const tried =
        suspect === null
          ? ''
          : `, tries ${suspect.topic}-${suspect.partition}@${suspect.offset} alone`
      return `gen ${gen} by ${member} (group ${group}, generation ${generation})${again}${tried}`
    }
    case 'steps':
      return stepsSentence(entry)
    case 'skip': {
      const { topic, partition, offset } = entry.record
      return `${topic}-${partition}@${offset} passed over: ${entry.reason}`
    }
    case 'gap': {
      const { topic, partition, from, to, by } = entry
      return `${topic}-${partition} ${from} to ${to} accepted as lost by ${by}`
    }
    case 'upgrade':
      return `behaviour ${entry.behaviour}, format ${entry.format} from here on`
    case 'override':
      return `differences before this are accepted by ${entry.who}: ${entry.why}`
  }
}

function stepsSentence(entry: Extract<JournalEntry, { kind: 'steps' }>): string {
  const { steps, outputs, stateDigest, snapshot } = entry
  const [first, last] = [steps[0], steps.at(-1)]
  if (first === undefined || last === undefined)
    return snapshot === null ? 'sign of life' : `sign of life, snapshot at ${snapshot}`
  const range = first.seq === last.seq ? `${first.seq}` : `${first.seq} to ${last.seq}`
  const read = ranges(steps)
  const parts = [
    `${range} until ${clockTime(last.nowMs)}${last.behind ? ' (behind)' : ''}`,
    read === '' ? 'no records' : read,
    `${outputs} outputs`,
    ...(stateDigest === null ? [] : [`state ${short(stateDigest)}`]),
    ...(snapshot === null ? [] : [`snapshot at ${snapshot}`]),
  ]
  return parts.join(', ')
}

/** `signals-3 10→14`, of every input that was read. */
function ranges(steps: readonly JournalStep[]): string {
  const read = new Map<string, { from: number; to: number }>()
  for (const { topic, partition, from, to } of steps.flatMap((step): readonly JournalSlice[] => [
    ...step.slices,
  ])) {
    const name = `${topic}-${partition}`
    const known = read.get(name)
    read.set(name, { from: known?.from ?? from, to })
  }
  return [...read].map(([name, { from, to }]) => `${name} ${from}→${to}`).join(', ')
}
