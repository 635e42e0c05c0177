// Longer texts and JSON of others on their way to a terminal; a single line is
// contracts/printable.ts.
import { printable } from '../contracts/printable.ts'

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
