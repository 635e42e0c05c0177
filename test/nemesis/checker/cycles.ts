// G1c of Adya, "Weak Consistency" (1999), as Jepsen's Kafka workload has it: information flows in
// no circle between transactions. One follows another when it comes after it in the same journal,
// or when it has stepped a record that the other has written. The fleet task reads what service
// tasks say of themselves and they read what it answers, so a circle is possible: a transaction
// that was seen before it was there, or twice.
import { createHash } from 'node:crypto'
import type { JournalEntry } from '../../../src/contracts/journal.ts'
import { decodeEntry } from '../../../src/contracts/journal-codec.ts'
import { isVisible, recordsOf } from './batches.ts'
import type { Collected } from './collect.ts'
import { type Place, placeName, tasksOf } from './tasks.ts'
import type { Violation } from './violation.ts'

/** An entry of a journal; what it follows are numbers of others. */
interface Transaction {
  readonly place: string
  readonly entry: JournalEntry
  readonly follows: number[]
}

/** Header `ce_id` of what a step has written: its task and its number, then a place. */
const STEP_ID = /^([^-]+-\d+)-\d+$/

const sha256 = (bytes: Uint8Array): Uint8Array =>
  new Uint8Array(createHash('sha256').update(bytes).digest())

export function checkCycles(collected: Collected, partitions: number): readonly Violation[] {
  const all: Transaction[] = []
  const byStep = new Map<string, number>()
  for (const { name, journal, partition } of tasksOf(partitions)) {
    let before = -1
    for (const { place, entry } of entriesOf(collected, { topic: journal, partition })) {
      const number = all.push({ place, entry, follows: before < 0 ? [] : [before] }) - 1
      before = number
      if (entry.kind !== 'steps') continue
      for (const { seq } of entry.steps) byStep.set(`${name}-${seq}`, number)
    }
  }
  const writers = new Map<string, ReadonlyMap<number, number>>()
  for (const [number, { entry, follows }] of all.entries()) {
    if (entry.kind !== 'steps') continue
    for (const { from, to, ...place } of entry.steps.flatMap(({ slices }) => slices)) {
      if (place.topic !== 'observations' && place.topic !== 'fleet') continue
      const name = placeName(place)
      const known = writers.get(name) ?? writersOf(collected, place, byStep)
      writers.set(name, known)
      for (let offset = from; offset < to; offset++) {
        const writer = known.get(offset)
        if (writer !== undefined && writer !== number) follows.push(writer)
      }
    }
  }
  return circles(all)
}

/** Those that can be read; what cannot is for the check of the chain. */
function entriesOf(
  collected: Collected,
  { topic, partition }: Place,
): readonly Pick<Transaction, 'place' | 'entry'>[] {
  const records = collected.log(topic, partition).settled.filter(isVisible)
  return records
    .flatMap(({ batch }) => recordsOf(batch))
    .flatMap(({ offset, value }) => {
      try {
        const { entry } = decodeEntry(value ?? Buffer.alloc(0), sha256)
        return [{ place: `${topic}-${partition}@${offset}`, entry }]
      } catch {
        return []
      }
    })
}

/** By offset: the transaction that has written the record there. */
function writersOf(
  collected: Collected,
  { topic, partition }: Place,
  byStep: ReadonlyMap<string, number>,
): ReadonlyMap<number, number> {
  const found = new Map<number, number>()
  for (const settled of collected.log(topic, partition).settled) {
    if (!isVisible(settled)) continue
    for (const { offset, headers } of recordsOf(settled.batch)) {
      const step = STEP_ID.exec(headers.get('ce_id') ?? '')?.[1]
      const writer = step === undefined ? undefined : byStep.get(step)
      if (writer !== undefined) found.set(offset, writer)
    }
  }
  return found
}

/** Takes away whatever follows nothing that is left; what stays lies in a circle or behind one. */
function circles(all: readonly Transaction[]): readonly Violation[] {
  const waits = all.map(({ follows }) => follows.length)
  const followers = all.map((): number[] => [])
  for (const [number, { follows }] of all.entries())
    for (const one of follows) followers[one]?.push(number)
  const free = waits.flatMap((count, number) => (count === 0 ? [number] : []))
  for (let next = free.pop(); next !== undefined; next = free.pop())
    for (const follower of followers[next] ?? []) {
      const left = (waits[follower] ?? 0) - 1
      waits[follower] = left
      if (left === 0) free.push(follower)
    }
  const isLeft = (number: number): boolean => (waits[number] ?? 0) > 0
  const first = waits.findIndex((count) => count > 0)
  if (first < 0) return []
  const path: number[] = []
  for (let at = first; !path.includes(at); at = all[at]?.follows.find(isLeft) ?? at) path.push(at)
  const last = all[path.at(-1) ?? first]?.follows.find(isLeft) ?? first
  const circle = path.slice(path.indexOf(last)).map((number) => all[number]?.place ?? '')
  const [place = ''] = circle
  return [{ check: 'G1c', place, what: `follows itself: ${circle.join(' after ')}` }]
}
