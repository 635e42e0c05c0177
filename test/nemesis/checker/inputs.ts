// What the agents were told against what the log has: acknowledged is there once, where it was
// said, and was stepped; failed is not there; unknown is there at most once (Jepsen's Kafka
// workload).
import type { TopicKind } from '../../../src/contracts/topics.ts'
import { hashOf, type Life, type NotOk, type Ok, type Try } from '../history.ts'
import { isVisible, recordsOf } from './batches.ts'
import type { Collected } from './collect.ts'
import type { Folded } from './fold.ts'
import type { Violation } from './violation.ts'

export interface InputCounts {
  readonly acknowledged: number
  readonly unknown: number
  /** Of the unknown: those that are in the log. */
  readonly unknownThere: number
  readonly failed: number
}

interface Sent {
  readonly asked: Try
  readonly outcome: Ok | NotOk | null
}

/** Places of every visible value of one partition, by hash and by offset. */
class Index {
  readonly byHash = new Map<string, number[]>()
  readonly byOffset = new Map<number, string>()

  constructor(collected: Collected, topic: TopicKind, partition: number) {
    for (const settled of collected.log(topic, partition).settled) {
      if (!isVisible(settled)) continue
      for (const { offset, value } of recordsOf(settled.batch)) {
        const hash = hashOf(value)
        this.byOffset.set(offset, hash)
        const known = this.byHash.get(hash)
        if (known === undefined) this.byHash.set(hash, [offset])
        else known.push(offset)
      }
    }
  }
}

export function checkInputs(
  collected: Collected,
  lives: readonly Life[],
  folds: readonly Folded[],
): { readonly violations: readonly Violation[]; readonly counts: InputCounts } {
  const indexes = new Map<string, Index>()
  const violations: Violation[] = []
  const counts = { acknowledged: 0, unknown: 0, unknownThere: 0, failed: 0 }
  const sent = lives.flatMap(sentOf)
  for (const one of sent) {
    const { topic, p } = one.asked
    const name = `${topic}-${p}`
    const index = indexes.get(name) ?? new Index(collected, topic, p)
    indexes.set(name, index)
    const position = folds[p]?.positions.get(name) ?? 0
    const k = one.outcome?.k ?? 'info'
    if (k === 'ok') counts.acknowledged += one.asked.h.length
    else if (k === 'fail') counts.failed += one.asked.h.length
    else {
      counts.unknown += one.asked.h.length
      counts.unknownThere += one.asked.h.filter((hash) => index.byHash.has(hash)).length
    }
    violations.push(...checkOne(one, index, position))
  }
  return { violations: [...violations, ...strangers(indexes, sent), ...checkOrder(sent)], counts }
}

function sentOf(life: Life): readonly Sent[] {
  const outcomes = new Map<number, Ok | NotOk>()
  for (const fact of life)
    if (fact.k === 'ok' || fact.k === 'fail' || fact.k === 'info') outcomes.set(fact.id, fact)
  return life.flatMap((fact) =>
    fact.k === 'try' ? [{ asked: fact, outcome: outcomes.get(fact.id) ?? null }] : [],
  )
}

function checkOne({ asked, outcome }: Sent, index: Index, position: number): readonly Violation[] {
  const { topic, p, id, h } = asked
  return h.flatMap((hash, i): Violation[] => {
    const offsets = index.byHash.get(hash) ?? []
    const found = (check: Violation['check'], what: string): Violation => {
      return { check, place: `${topic}-${p}`, what: `request ${id}, record ${i}: ${what}` }
    }
    if (offsets.length > 1) return [found('duplicate', `lies at ${offsets.join(', ')}`)]
    const [offset] = offsets
    if (outcome?.k === 'fail' && offset !== undefined)
      return [found('failed-write-visible', `refused as ${outcome.code}, lies at ${offset}`)]
    if (outcome?.k !== 'ok') return []
    if (offset === undefined) return [found('I1 lost-write', `acknowledged at ${outcome.base + i}`)]
    if (offset !== outcome.base + i)
      return [
        found('inconsistent-offsets', `acknowledged at ${outcome.base + i}, lies at ${offset}`),
      ]
    if (offset >= position) return [found('I1 unseen', `${offset}, steps end at ${position}`)]
    return []
  })
}

/** Values that nobody sent. */
function strangers(
  indexes: ReadonlyMap<string, Index>,
  sent: readonly Sent[],
): readonly Violation[] {
  const known = new Set(sent.flatMap(({ asked }) => asked.h))
  return [...indexes].flatMap(([place, { byOffset }]) =>
    [...byOffset].flatMap(([offset, hash]): Violation[] =>
      known.has(hash)
        ? []
        : [{ check: 'inconsistent-offsets', place, what: `nobody sent the value at ${offset}` }],
    ),
  )
}

/** Who sends one request after another finds them in that order. */
function checkOrder(sent: readonly Sent[]): readonly Violation[] {
  const last = new Map<string, number>()
  return sent.flatMap(({ asked, outcome }): Violation[] => {
    if (outcome?.k !== 'ok') return []
    const before = last.get(asked.by) ?? -1
    last.set(asked.by, outcome.last)
    if (outcome.base > before) return []
    const what = `request ${asked.id} of ${asked.by} at ${outcome.base}, one before at ${before}`
    return [{ check: 'nonmonotonic-send', place: `${asked.topic}-${asked.p}`, what }]
  })
}
