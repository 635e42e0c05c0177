// An exhaustive explorer: every state that can be reached, each once, breadth first; the first
// wrong
// one comes back with the way to it.
export interface Move<S> {
  readonly name: string
  readonly to: S
}

export interface Explored<S> {
  readonly states: number
  /** Every so many-th state, for further questions. */
  readonly samples: readonly S[]
  /** What is wrong and the moves that led there, or null. */
  readonly wrong: { readonly what: string; readonly way: readonly string[] } | null
  /** Not everything was seen. */
  readonly cut: boolean
}

export interface Exploration<S> {
  readonly from: S
  readonly moves: (state: S) => Iterable<Move<S>>
  readonly key: (state: S) => string
  readonly wrong: (state: S) => string | null
  readonly most: number
  readonly sampleEvery: number
}

interface Seen {
  readonly from: number
  readonly by: string
}

export function explore<S>(of: Exploration<S>): Explored<S> {
  const seen = new Map<string, number>([[of.key(of.from), 0]])
  const ways: Seen[] = [{ from: -1, by: 'start' }]
  const queue: S[] = [of.from]
  const samples: S[] = []
  for (let at = 0; at < queue.length && at < of.most; at++) {
    const state = queue[at] as S
    // What has been looked at is not needed any more.
    queue[at] = undefined as S
    if (at % of.sampleEvery === 0) samples.push(state)
    for (const { name, to } of of.moves(state)) {
      const key = of.key(to)
      if (seen.has(key)) continue
      seen.set(key, ways.length)
      ways.push({ from: at, by: name })
      const what = of.wrong(to)
      if (what !== null) {
        const way = wayTo(ways, ways.length - 1)
        return { states: ways.length, samples, wrong: { what, way }, cut: false }
      }
      queue.push(to)
    }
  }
  return { states: ways.length, samples, wrong: null, cut: queue.length > of.most }
}

function wayTo(ways: readonly Seen[], last: number): readonly string[] {
  const way: string[] = []
  for (let at = last; at > 0; ) {
    const { from, by } = ways[at] ?? { from: 0, by: '?' }
    way.unshift(by)
    at = from
  }
  return way
}
