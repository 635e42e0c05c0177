// Text of others on its way to a log or a terminal: what could move the cursor, change colours,
// turn the reading direction or begin a line is shown as an escape instead of being obeyed.

/** Controls C0, DEL and C1, marks and overrides of direction, separators, byte order mark. */
const UNSAFE: RegExp = /[\p{Cc}\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\p{Cs}/gu

const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** The text on one line, harmless. */
export function printable(text: string): string {
  return text.replaceAll(UNSAFE, (character) => {
    const code = character.charCodeAt(0).toString(16).padStart(4, '0')
    return NAMED[character] ?? `\\u${code}`
  })
}
