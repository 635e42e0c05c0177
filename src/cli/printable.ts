// Text of others on its way to a terminal: what could move the cursor, change colours, turn the
// reading direction or break a table's line is shown as an escape instead of being obeyed.

/**
 * C0, DEL and C1 controls, direction marks and overrides, line and paragraph separators, the byte
 * order mark.
 */
const UNSAFE: readonly (readonly [number, number])[] = [
  [0x00, 0x1f],
  [0x7f, 0x9f],
  [0x061c, 0x061c],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2066, 0x2069],
  [0xfeff, 0xfeff],
]

const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function escaped(char: string): string {
  const code = char.charCodeAt(0)
  if (!UNSAFE.some(([first, last]) => code >= first && code <= last)) return char
  return NAMED[char] ?? `\\u${code.toString(16).padStart(4, '0')}`
}

/** The text on one line, harmless to a terminal. */
export function printable(text: string): string {
  return Array.from(text, escaped).join('')
}

/** Lines of a longer text, each harmless. */
export function printableLines(text: string): readonly string[] {
  return text.replace(/\n$/, '').split('\n').map(printable)
}

/**
 * JSON that is harmless to a terminal and still the same value (escapes are legal inside its
 * strings).
 */
export function printableJson(value: unknown, indent: number): string {
  return JSON.stringify(value, null, indent).split('\n').map(printable).join('\n')
}
