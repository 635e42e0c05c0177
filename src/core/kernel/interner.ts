// Keys as bytes, each with a small number of its own: open addressing over typed arrays, the bytes
// in one arena, nothing per key on the heap and no allocation when a key is there already. Numbers
// depend on nothing but the order of `intern` and `remove`: the last number given back is the next
// one given out, else the smallest never used.
import { assert, AssertionError } from './assert.ts'
import type { ImageReader, ImageWriter } from './image.ts'

const IDS_FIRST = 16
const BYTES_FIRST = 512
/** Dead bytes are squeezed out when they are more than these and more than those alive. */
const DEAD_MIN = 4_096

export class Interner {
  /** Id + 1 by place of the table, 0 = nobody; a power of two, at most half full. */
  private table = new Uint32Array(2 * IDS_FIRST)
  private hashes = new Uint32Array(2 * IDS_FIRST)
  private arena = new Uint8Array(BYTES_FIRST)
  private used = 0
  private dead = 0
  /** By id: where its bytes begin, and how many they are. */
  private starts = new Uint32Array(IDS_FIRST)
  private lengths = new Uint32Array(IDS_FIRST)
  private free = new Uint32Array(IDS_FIRST)
  private freed = 0
  private ids = 0

  /** Keys held. */
  get size(): number {
    return this.ids - this.freed
  }

  /** One above the largest id ever given out. */
  get idEnd(): number {
    return this.ids
  }

  /** The id of the bytes from `start` to `end`, a new one when they are new. */
  intern(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashOf(bytes, start, end)
    const place = this.seek(bytes, start, end, hash)
    const held = this.table[place] ?? 0
    return held === 0 ? this.insert(bytes.subarray(start, end), hash, place) : held - 1
  }

  /** The id of the bytes, or -1. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const place = this.seek(bytes, start, end, hashOf(bytes, start, end))
    return (this.table[place] ?? 0) - 1
  }

  /** Whether the key of an id that is held lies at `start`, before `end`; told from its end on. */
  isAt(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    const { arena } = this
    const length = this.lengths[id] ?? 0
    if (length > end - start) return false
    const from = this.starts[id] ?? 0
    let at = from + length - 1
    let other = start + length - 1
    // Two at a time: most of the time of a delta that goes on goes here.
    for (; at > from; at -= 2, other -= 2) {
      if (arena[at] !== bytes[other] || arena[at - 1] !== bytes[other - 1]) return false
    }
    return at < from || arena[at] === bytes[other]
  }

  /** The bytes of an id; a view that holds until the next `intern` or `remove`. */
  bytesOf(id: number): Uint8Array {
    const start = this.starts[id] ?? 0
    return this.arena.subarray(start, start + (this.lengths[id] ?? 0))
  }

  /** Forgets an id that is held; it will be given out again. */
  remove(id: number): void {
    const start = this.starts[id] ?? 0
    const length = this.lengths[id] ?? 0
    const hash = hashOf(this.arena, start, start + length)
    const place = this.seek(this.arena, start, start + length, hash)
    assert(id < this.ids && this.table[place] === id + 1, 'the id of a key that is held')
    this.vacate(place)
    this.lengths[id] = 0
    this.dead += length
    if (this.freed === this.free.length) this.free = grown(this.free, 2 * this.freed)
    this.free[this.freed++] = id
    if (this.dead > DEAD_MIN && 2 * this.dead > this.used) this.squeeze()
  }

  /** Forgets all keys; ids begin at 0 again. */
  clear(): void {
    this.table.fill(0)
    this.used = 0
    this.dead = 0
    this.freed = 0
    this.ids = 0
    // An image may refer to the bytes.
    this.arena = new Uint8Array(BYTES_FIRST)
  }

  save(writer: ImageWriter): void {
    const { ids, freed, used, dead } = this
    writer.int(ids).int(freed).int(dead)
    // What lies below `used` never changes: new keys go behind it, squeezing makes a new arena.
    writer.blob(this.arena.subarray(0, used))
    writer.blob(copyOf(this.starts, ids)).blob(copyOf(this.lengths, ids))
    writer.blob(copyOf(this.free, freed))
  }

  /** Errors: AssertionError for an image of something else. */
  static load(reader: ImageReader): Interner {
    const made = new Interner()
    made.ids = reader.int()
    made.freed = reader.int()
    made.dead = reader.int()
    const bytes = reader.blob()
    made.used = bytes.length
    made.arena = new Uint8Array(Math.max(BYTES_FIRST, bytes.length))
    made.arena.set(bytes)
    made.starts = words(reader.blob(), made.ids)
    made.lengths = words(reader.blob(), made.ids)
    made.free = words(reader.blob(), made.freed)
    made.rebuild()
    return made
  }

  private seek(bytes: Uint8Array, start: number, end: number, hash: number): number {
    const { table, hashes, arena, starts, lengths } = this
    const mask = table.length - 1
    const length = end - start
    for (let place = hash & mask; ; place = (place + 1) & mask) {
      const held = table[place] ?? 0
      if (held === 0) return place
      if (hashes[place] !== hash || lengths[held - 1] !== length) continue
      const at = starts[held - 1] ?? 0
      let i = 0
      while (i < length && arena[at + i] === bytes[start + i]) i++
      if (i === length) return place
    }
  }

  private insert(key: Uint8Array, hash: number, place: number): number {
    const id = this.freed > 0 ? (this.free[--this.freed] ?? 0) : this.ids++
    if (id >= this.starts.length) {
      this.starts = grown(this.starts, 2 * id)
      this.lengths = grown(this.lengths, 2 * id)
    }
    if (this.used + key.length > this.arena.length) {
      const bigger = new Uint8Array(Math.max(2 * this.arena.length, this.used + key.length))
      bigger.set(this.arena.subarray(0, this.used))
      this.arena = bigger
    }
    this.arena.set(key, this.used)
    this.starts[id] = this.used
    this.lengths[id] = key.length
    this.used += key.length
    this.table[place] = id + 1
    this.hashes[place] = hash
    if (2 * this.size > this.table.length) this.widen(2 * this.table.length)
    return id
  }

  /** Empties a place and moves up what was pushed past it. */
  private vacate(place: number): void {
    const { table, hashes } = this
    const mask = table.length - 1
    let hole = place
    for (let at = (hole + 1) & mask; table[at] !== 0; at = (at + 1) & mask) {
      const home = (hashes[at] ?? 0) & mask
      if (((at - home) & mask) < ((at - hole) & mask)) continue
      table[hole] = table[at] ?? 0
      hashes[hole] = hashes[at] ?? 0
      hole = at
    }
    table[hole] = 0
  }

  private widen(size: number): void {
    const { table, hashes } = this
    this.table = new Uint32Array(size)
    this.hashes = new Uint32Array(size)
    table.forEach((held, place) => {
      if (held !== 0) this.settle(held, hashes[place] ?? 0)
    })
  }

  private settle(held: number, hash: number): void {
    const mask = this.table.length - 1
    let place = hash & mask
    while (this.table[place] !== 0) place = (place + 1) & mask
    this.table[place] = held
    this.hashes[place] = hash
  }

  /** A new arena without the bytes of keys that are gone, in order of id. */
  private squeeze(): void {
    const old = this.arena
    this.arena = new Uint8Array(Math.max(BYTES_FIRST, 2 * (this.used - this.dead)))
    this.used = 0
    this.dead = 0
    for (let id = 0; id < this.ids; id++) {
      const start = this.starts[id] ?? 0
      const length = this.lengths[id] ?? 0
      this.arena.set(old.subarray(start, start + length), this.used)
      this.starts[id] = this.used
      this.used += length
    }
  }

  /** The table from the keys. */
  private rebuild(): void {
    const isFree = new Uint8Array(this.ids)
    for (let i = 0; i < this.freed; i++) isFree[this.free[i] ?? 0] = 1
    let size = this.table.length
    while (size < 2 * this.size) size *= 2
    this.table = new Uint32Array(size)
    this.hashes = new Uint32Array(size)
    for (let id = 0; id < this.ids; id++) {
      if (isFree[id] === 1) continue
      const start = this.starts[id] ?? 0
      this.settle(id + 1, hashOf(this.arena, start, start + (this.lengths[id] ?? 0)))
    }
  }
}

/** Four bytes at a time, each mixed in; bits of every byte reach the low ones. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5 ^ (end - start)
  let at = start
  for (; at + 4 <= end; at += 4) {
    const low = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8)
    const high = ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)
    hash = Math.imul(hash ^ low ^ high, 0x9e3779b1)
    hash ^= hash >>> 15
  }
  for (; at < end; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return (hash ^ (hash >>> 13)) >>> 0
}

function grown(from: Uint32Array<ArrayBuffer>, length: number): Uint32Array<ArrayBuffer> {
  const to = new Uint32Array(length)
  to.set(from)
  return to
}

/** The first words as bytes; images are little-endian, as every machine they are made on. */
function copyOf(from: Uint32Array<ArrayBuffer>, count: number): Uint8Array {
  return new Uint8Array(from.slice(0, count).buffer)
}

function words(bytes: Uint8Array, count: number): Uint32Array<ArrayBuffer> {
  if (bytes.length !== 4 * count)
    throw new AssertionError(`${count} words of an image in ${bytes.length} bytes`)
  const made = new Uint32Array(Math.max(IDS_FIRST, count))
  new Uint8Array(made.buffer).set(bytes)
  return made
}
