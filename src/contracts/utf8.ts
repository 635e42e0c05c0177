// UTF-8 to text and back without TextEncoder, which contracts and core do not have. Behaviour is
// that of the WHATWG encoder and decoder: half surrogates are written as U+FFFD, malformed bytes
// are read as U+FFFD.

const REPLACEMENT = 0xfffd
/**
 * Code units collected before they are made into a string; keeps `fromCharCode` far from the
 * argument limit.
 */
const CHUNK = 512

/** Bytes of `text` in UTF-8. */
export function encodeUtf8(text: string): Uint8Array {
  const bytes = new Uint8Array(utf8Size(text))
  let at = 0
  for (let i = 0; i < text.length; i++) {
    const code = codePointAt(text, i)
    if (code < 0x80) bytes[at++] = code
    else if (code < 0x800) {
      bytes[at++] = 0xc0 | (code >> 6)
      bytes[at++] = 0x80 | (code & 0x3f)
    } else if (code < 0x10000) {
      bytes[at++] = 0xe0 | (code >> 12)
      bytes[at++] = 0x80 | ((code >> 6) & 0x3f)
      bytes[at++] = 0x80 | (code & 0x3f)
    } else {
      bytes[at++] = 0xf0 | (code >> 18)
      bytes[at++] = 0x80 | ((code >> 12) & 0x3f)
      bytes[at++] = 0x80 | ((code >> 6) & 0x3f)
      bytes[at++] = 0x80 | (code & 0x3f)
      i++
    }
  }
  return bytes
}

/** Length of `text` in UTF-8, bytes. */
export function utf8Size(text: string): number {
  let size = 0
  for (let i = 0; i < text.length; i++) {
    const code = codePointAt(text, i)
    size += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
    if (code >= 0x10000) i++
  }
  return size
}

/** Code point at `i`; half a surrogate pair counts as U+FFFD. */
function codePointAt(text: string, i: number): number {
  const code = text.codePointAt(i) ?? REPLACEMENT
  return code >= 0xd800 && code <= 0xdfff ? REPLACEMENT : code
}

/** Text of the bytes from `start` to `end`; a byte order mark is kept as a character. */
export function decodeUtf8(
  bytes: Uint8Array,
  start: number = 0,
  end: number = bytes.length,
): string {
  let text = ''
  let units: number[] = []
  let at = start
  while (at < end) {
    const length = sequenceLength(bytes, at, end)
    pushUnits(units, length > 0 ? codePoint(bytes, at, length) : REPLACEMENT)
    at += Math.abs(length)
    if (units.length >= CHUNK) {
      text += String.fromCharCode(...units)
      units = []
    }
  }
  return text + String.fromCharCode(...units)
}

/**
 * The bytes from `start` to `end` are well-formed UTF-8 (no overlong form, no surrogate, nothing
 * above U+10FFFF).
 */
export function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start
  while (at < end) {
    if ((bytes[at] ?? 0) < 0x80) at++
    else {
      const length = sequenceLength(bytes, at, end)
      if (length < 0) return false
      at += length
    }
  }
  return true
}

/**
 * Length of the sequence at `at`; negative: malformed, so many bytes make up one U+FFFD (maximal
 * subpart).
 */
function sequenceLength(bytes: Uint8Array, at: number, end: number): number {
  const lead = bytes[at] ?? 0
  if (lead < 0x80) return 1
  if (lead < 0xc2 || lead > 0xf4) return -1
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
  // The second byte of some leads is narrower: no overlong form, no surrogate, not above U+10FFFF.
  let low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
  let high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
  for (let i = 1; i < length; i++) {
    const byte = at + i < end ? (bytes[at + i] ?? 0) : 0
    if (byte < low || byte > high) return -i
    low = 0x80
    high = 0xbf
  }
  return length
}

/** Code point of a well-formed sequence. */
function codePoint(bytes: Uint8Array, at: number, length: number): number {
  const lead = bytes[at] ?? 0
  if (length === 1) return lead
  let code = lead & (0x7f >> length)
  for (let i = 1; i < length; i++) code = (code << 6) | ((bytes[at + i] ?? 0) & 0x3f)
  return code
}

function pushUnits(units: number[], code: number): void {
  if (code < 0x10000) units.push(code)
  else units.push(0xd800 + ((code - 0x10000) >> 10), 0xdc00 + ((code - 0x10000) & 0x3ff))
}
