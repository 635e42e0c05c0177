// How large a pattern's program would be, told from its text alone, before anything is compiled:
// repetitions of repetitions make a program of hundreds of thousands of steps out of a text of
// 4 kB, which takes a second to build only to be found too large. Syntax of RE2.

/** `{3}`, `{3,}`, `{3,5}` */
const REPETITION = /\{(\d{1,6})(?:,(\d{0,6}))?\}/y
/** `(`, `(?:`, `(?i:`, `(?P<name>` */
const GROUP = /\((?:\?(?:P?<\w*>|[a-zA-Z-]*:))?/y
const CLASS = /\[\^?\]?(?:\\.|[^\]\\])*\]/y
const UNICODE = /\\[pP]\{\w*\}/y

/** About the number of characters that the pattern matches when every repetition is written out. */
export function writtenOut(pattern: string): number {
  const outer: number[] = []
  let sum = 0
  let last = 0
  for (let at = 0; at < pattern.length; ) {
    const match = (what: RegExp): RegExpExecArray | null => {
      what.lastIndex = at
      const found = what.exec(pattern)
      if (found !== null) at = what.lastIndex
      return found
    }
    const repeated = match(REPETITION)
    if (repeated !== null) {
      const times = Math.max(Number(repeated[1]), Number(repeated[2] ?? 0))
      sum += last * Math.max(0, times - 1)
      last *= Math.max(1, times)
      continue
    }
    if (match(GROUP) !== null) {
      outer.push(sum)
      sum = 0
      last = 0
    } else if (pattern[at] === ')') {
      at++
      last = sum
      sum += outer.pop() ?? 0
    } else if (pattern[at] === '|') at++
    else {
      const isOne = match(CLASS) !== null || match(UNICODE) !== null
      if (!isOne) at += pattern[at] === '\\' ? 2 : 1
      last = 1
      sum += 1
    }
  }
  return outer.reduce((all, one) => all + one, sum)
}
