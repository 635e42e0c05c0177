// The log behind the windows: panes of event time, each a run of packed entries in the order they
// came. A pane only grows at its end, so an image refers to what it holds instead of copying it;
// whoever changes an entry in place takes a copy of its chunk first where an image refers to it.
// Chunk borders follow from the entries alone, so that the same entries are the same bytes.
import { assert, AssertionError, present } from '../kernel/assert.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import { Entry, ENTRY_WORDS_MAX, entryEnd, pack, relabel, rowAt, unpack, wordsOf } from './entry.ts'

/** 512 kB, so that an image of a large fleet has few pieces; an entry lies in one chunk. */
const CHUNK_WORDS = 262_144
/** What a chunk begins with, the first of a pane at least and those after it; it doubles. */
const FIRST_WORDS = 64
const NEXT_WORDS = 16_384
const NO_CHUNKS: readonly Chunk[] = []
const NONE = -1

interface Chunk {
  words: Uint16Array<ArrayBuffer>
  length: number
  /** An image refers to the words so far. */
  held: boolean
}

interface Pane {
  /** Which second or decade; -1: none. */
  key: number
  chunks: Chunk[]
}

export type Visitor = (entry: Entry) => void

export class Panes {
  private readonly ring: readonly Pane[]
  private readonly entry = new Entry()
  /** Appended to last. */
  private latest: Pane = { key: NONE, chunks: [] }

  /** Holds panes of any `size` keys in a row. */
  constructor(size: number) {
    assert(ENTRY_WORDS_MAX <= CHUNK_WORDS, 'an entry fits in a chunk')
    this.ring = Array.from({ length: size }, () => ({ key: NONE, chunks: [] }))
  }

  append(key: number, entry: Entry): void {
    const { chunks } = this.latest.key === key ? this.latest : this.begin(key)
    const size = wordsOf(entry)
    let chunk = chunks[chunks.length - 1]
    if (chunk === undefined || chunk.length + size > CHUNK_WORDS) {
      const words = chunk === undefined ? this.expected(key) : NEXT_WORDS
      chunk = { words: new Uint16Array(words), length: 0, held: false }
      chunks.push(chunk)
    }
    if (chunk.length + size > chunk.words.length) widen(chunk, chunk.length + size)
    chunk.length = pack(entry, chunk.words, chunk.length)
  }

  /** Smallest key above `after` of a pane with content, or null. */
  firstAfter(after: number): number | null {
    let first: number | null = null
    for (const { key, chunks } of this.ring) {
      if (chunks.length > 0 && key > after && (first === null || key < first)) first = key
    }
    return first
  }

  /** Visits the entries of a pane with one reused entry. */
  visit(key: number, each: Visitor): void {
    const { entry } = this
    for (const { words, length } of this.chunksOf(key)) {
      for (let at = 0; at < length; ) {
        at = unpack(words, at, entry)
        each(entry)
      }
    }
  }

  /** Shows the rows of the entries of a pane. */
  visitRows(key: number, each: (row: number) => void): void {
    for (const { words, length } of this.chunksOf(key)) {
      for (let at = 0; at < length; at = entryEnd(words, at)) each(rowAt(words, at))
    }
  }

  /** Like `visit`; an entry whose row the visitor changes belongs to that row from then on. */
  relabel(key: number, each: Visitor): void {
    const { entry } = this
    for (const chunk of this.chunksOf(key)) {
      for (let at = 0; at < chunk.length; ) {
        const end = unpack(chunk.words, at, entry)
        const { row } = entry
        each(entry)
        if (entry.row !== row) {
          if (chunk.held) chunk.words = chunk.words.slice()
          chunk.held = false
          relabel(chunk.words, at, entry.row)
        }
        at = end
      }
    }
  }

  /** Empties a pane. */
  clear(key: number): void {
    if (this.chunksOf(key).length > 0) this.at(key).chunks = []
  }

  /** Gives back room at the end of a pane that is not expected to grow. */
  trim(key: number): void {
    const last = this.chunksOf(key).at(-1)
    if (last === undefined || last.held || 4 * last.length > 3 * last.words.length) return
    last.words = last.words.slice(0, last.length)
  }

  /** Keys of the panes with content, ascending. */
  keys(): readonly number[] {
    const held = this.ring.filter(({ chunks }) => chunks.length > 0)
    return held.map(({ key }) => key).sort((a, b) => a - b)
  }

  /** Bytes held. */
  get bytes(): number {
    let words = 0
    for (const { chunks } of this.ring) for (const chunk of chunks) words += chunk.words.length
    return 2 * words
  }

  save(writer: ImageWriter): void {
    const keys = this.keys()
    writer.int(keys.length)
    for (const key of keys) {
      const chunks = this.chunksOf(key)
      writer.int(key).int(chunks.length)
      for (const chunk of chunks) {
        chunk.held = true
        writer.blob(new Uint8Array(chunk.words.buffer, chunk.words.byteOffset, 2 * chunk.length))
      }
    }
  }

  /** Into empty panes. Errors: AssertionError for an image of something else. */
  load(reader: ImageReader): void {
    for (let panes = reader.int(); panes > 0; panes--) {
      const key = reader.int()
      const pane = this.at(key)
      if (pane.chunks.length > 0) throw new AssertionError('two panes of an image in one place')
      pane.key = key
      for (let chunks = reader.int(); chunks > 0; chunks--) {
        pane.chunks.push(chunkOf(reader.blob()))
      }
    }
  }

  private begin(key: number): Pane {
    const pane = this.at(key)
    assert(pane.key === key || pane.chunks.length === 0, 'a place for the pane')
    pane.key = key
    this.latest = pane
    return pane
  }

  /** Words that a pane begins with: a little more than the one before has, where that is known. */
  private expected(key: number): number {
    const before = this.chunksOf(key - 1)[0]?.length ?? 0
    return Math.min(CHUNK_WORDS, Math.max(FIRST_WORDS, before + (before >> 4)))
  }

  private chunksOf(key: number): readonly Chunk[] {
    if (key < 0) return NO_CHUNKS
    const pane = this.at(key)
    return pane.key === key ? pane.chunks : NO_CHUNKS
  }

  private at(key: number): Pane {
    return present(this.ring[key % this.ring.length], `a pane for ${key}`)
  }
}

function widen(chunk: Chunk, least: number): void {
  const words = new Uint16Array(Math.min(CHUNK_WORDS, Math.max(2 * chunk.words.length, least)))
  words.set(chunk.words.subarray(0, chunk.length))
  chunk.words = words
  chunk.held = false
}

function chunkOf(bytes: Uint8Array): Chunk {
  const length = bytes.length / 2
  if (!Number.isInteger(length) || length > CHUNK_WORDS)
    throw new AssertionError(`no chunk of a pane in ${bytes.length} bytes of an image`)
  const words = new Uint16Array(length)
  new Uint8Array(words.buffer).set(bytes)
  return { words, length, held: false }
}
