// Text of others in our sentences and records: one line, bounded, well-formed, so that it can be
// shown, logged and read back as the same bytes.

/** Longest text of others inside a sentence, UTF-16 code units. */
export const PART_MAX = 256
/** Longest sentence. */
export const SENTENCE_MAX = 1_000

/** One line without control characters and half surrogate pairs, at most `max` code units. */
export function plain(text: string, max: number = PART_MAX): string {
  const line = text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim()
  const cut = line.length > max ? `${line.slice(0, max - 1)}…` : line
  return cut.replaceAll(/\p{Surrogate}/gu, '\ufffd')
}
