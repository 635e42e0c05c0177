const RECORDS_AT = 61
const CONTROL = 0x20
const TRANSACTIONAL = 0x10
const COMPRESSED = 0x07
const APPEND_TIME = 0x08
/**
 * Visible batches of what a fetch brought, in order, and where the next one begins. Control batches
 * end the transaction of their producer; what an aborted one holds is left out.
 */
export function visibleBatches(chunks, aborted, from) {
  const waiting = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset)
  const open = new Set()
  const batches = []
  let to = from
  for (const bytes of chunks) {
    for (let at = 0; at < bytes.length; ) {
      const header = headerOf(bytes, at)
      at = header.end
      if (header.lastOffset < from) continue
      to = header.lastOffset + 1
      while (waiting[0] !== undefined && waiting[0].firstOffset <= header.lastOffset)
        open.add(waiting.shift()?.producerId ?? -1)
      if ((header.attributes & CONTROL) !== 0) open.delete(header.producerId)
      else if ((header.attributes & TRANSACTIONAL) === 0 || !open.has(header.producerId))
        batches.push(batchOf(bytes, header))
    }
  }
  return { batches, to }
}
function headerOf(bytes, start) {
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, bytes.length - start)
  const baseOffset = Number(view.getBigInt64(0))
  return {
    start,
    end: start + 12 + view.getInt32(8),
    baseOffset,
    lastOffset: baseOffset + view.getInt32(23),
    crc: view.getUint32(17),
    attributes: view.getInt16(21),
    baseTimeMs: Number(view.getBigInt64(27)),
    maxTimeMs: Number(view.getBigInt64(35)),
    producerId: Number(view.getBigInt64(43)),
    count: view.getInt32(57),
  }
}
function batchOf(bytes, header) {
  const { baseOffset, lastOffset, crc, maxTimeMs: timeMs } = header
  return { baseOffset, lastOffset, crc, timeMs, records: recordsOf(bytes, header) }
}
function recordsOf(buffer, header) {
  if ((header.attributes & COMPRESSED) !== 0) return null
  const cursor = new Cursor(buffer, header.start + RECORDS_AT, header.end)
  const records = []
  let before = -1
  for (let i = 0; i < header.count; i++) {
    const end = cursor.varint() + cursor.at
    cursor.at++
    const timeMs = header.baseTimeMs + cursor.varint()
    const delta = cursor.varint()
    const [keyStart, keyEnd] = cursor.span()
    const [valueStart, valueEnd] = cursor.span()
    const headerCount = cursor.varint()
    const offset = header.baseOffset + delta
    if (cursor.isWrong || end > header.end || delta <= before || offset > header.lastOffset)
      return null
    records.push({
      buffer,
      offset,
      timestampMs: (header.attributes & APPEND_TIME) === 0 ? timeMs : header.maxTimeMs,
      keyStart,
      keyEnd,
      valueStart,
      valueEnd,
      headersStart: cursor.at,
      headerCount,
    })
    before = delta
    cursor.at = end
  }
  return cursor.at === header.end ? records : null
}
class Cursor {
  at
  isWrong = false
  #bytes
  #end
  constructor(bytes, at, end) {
    this.#bytes = bytes
    this.at = at
    this.#end = end
  }
  /** Zigzag; −1 for a null. */
  varint() {
    let value = 0
    let scale = 1
    for (let i = 0; i < 8 && this.at < this.#end; i++) {
      const byte = this.#bytes[this.at++] ?? 0
      value += (byte & 127) * scale
      if (byte < 128) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
      scale *= 128
    }
    this.isWrong = true
    return 0
  }
  span() {
    const length = this.varint()
    if (length < 0) return [-1, -1]
    const start = this.at
    this.at += length
    if (this.at > this.#end) this.isWrong = true
    return [start, this.at]
  }
}
/** A key or a value; null for Kafka's null. */
export function bytesOf(record, part) {
  const [start, end] =
    part === 'key' ? [record.keyStart, record.keyEnd] : [record.valueStart, record.valueEnd]
  return start < 0 ? null : record.buffer.subarray(start, end)
}
/** 32 bits by which the same bytes are known again. */
export function printOf(bytes) {
  if (bytes === null) return -1
  let hash = 0x811c9dc5 ^ bytes.length
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ (bytes[i] ?? 0), 0x01000193)
  return hash >>> 0
}
//# sourceMappingURL=batches.js.map
