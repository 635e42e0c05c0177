// Samples over time as promtool writes them, for tests of policies: `5x3` is 5 and three more of
// it, `0+10x3` is 0 10 20 30, `100-5x2` is 100 95 90, `_` is a sample that is missing and `_x3`
// three of them. Texts are written as they are (`online offlinex5`), lists in brackets
// (`[silence]x5`), and true and false are themselves.

export type Sample = number | string | boolean | readonly string[] | null

export const SAMPLES_MAX = 100_000

const STEPPED = /^(-?(?:\d+(?:\.\d+)?|\.\d+)(?:e-?\d+)?)([+-](?:\d+(?:\.\d+)?|\.\d+))x(\d{1,6})$/
const REPEATED = /^(-?(?:\d+(?:\.\d+)?|\.\d+)(?:e-?\d+)?)(?:x(\d{1,6}))?$/
const MISSING = /^_(?:x(\d{1,6}))?$/
const LIST = /^\[([\w.,-]*)\](?:x(\d{1,6}))?$/
const TEXT = /^([A-Za-z][\w.:/-]*?)(?:x(\d{1,6}))?$/

export type Expanded =
  | { readonly ok: true; readonly samples: readonly Sample[] }
  | { readonly ok: false; readonly problem: string }

/** Every sample, one per interval. */
export function expandSeries(text: string): Expanded {
  const samples: Sample[] = []
  for (const word of text.trim().split(/\s+/)) {
    const part = expandWord(word)
    if (part === null) return { ok: false, problem: `${JSON.stringify(word)} is no sample` }
    if (samples.length + part.times > SAMPLES_MAX) {
      return { ok: false, problem: `more than ${SAMPLES_MAX} samples` }
    }
    for (let i = 0; i < part.times; i++) samples.push(part.at(i))
  }
  return { ok: true, samples }
}

interface Part {
  readonly times: number
  readonly at: (i: number) => Sample
}

function expandWord(word: string): Part | null {
  const stepped = STEPPED.exec(word)
  if (stepped !== null) {
    const [start, step] = [Number(stepped[1]), Number(stepped[2])]
    return { times: Number(stepped[3]) + 1, at: (i) => start + step * i }
  }
  const repeated = REPEATED.exec(word)
  if (repeated !== null) return same(Number(repeated[1]), repeated[2])
  const missing = MISSING.exec(word)
  if (missing !== null) return { times: Number(missing[1] ?? 1), at: () => null }
  const list = LIST.exec(word)
  if (list !== null) {
    const texts = (list[1] ?? '').split(',').filter((item) => item !== '')
    return same(texts, list[2])
  }
  const named = TEXT.exec(word)
  if (named === null) return null
  const name = named[1] ?? ''
  return same(name === 'true' || name === 'false' ? name === 'true' : name, named[2])
}

/** The sample, and as many more of it. */
function same(sample: Sample, more: string | undefined): Part {
  return { times: Number(more ?? 0) + 1, at: () => sample }
}
