// The agent's ledger: an append-only file in its durable folder, synced to the disk before anything
// is done (reliability: commands are code execution). A new folder is a new epoch. A torn last line
// is cut off: nothing was done on it, because the act waits for the sync. Anything else that does
// not read well stops the agent.
import * as fs from 'node:fs'
import { join } from 'node:path'
import { HsError } from '../../contracts/failure.ts'
import {
  applyEntry,
  type CommandEntry,
  decodeLine,
  emptyState,
  encodeLine,
  entriesOf,
  type InstanceEntry,
  instanceKey,
  LEDGER_FORMAT,
  type LedgerEntry,
  type LedgerState,
} from './ledger-entry.ts'
import { lockFolder } from './ledger-lock.ts'

/** The calls that can fail half way; a test wraps them. */
export interface LedgerFiles {
  write(fd: number, bytes: Uint8Array): number
  sync(fd: number): void
}

export const DISK: LedgerFiles = {
  write: (fd, bytes) => fs.writeSync(fd, bytes),
  sync: (fd) => fs.fsyncSync(fd),
}

export interface LedgerOptions {
  readonly folder: string
  readonly clusterId: string
  readonly agentId: string
  /** Epoch of a new folder; any later folder must get a higher one, so the time in ms does. */
  readonly newEpoch: number
  /** From this size on the file is written anew with what still matters. Default 1 MiB. */
  readonly maxBytes?: number
  readonly files?: LedgerFiles
}

/** The entry is not on the disk: nothing may be done that needs it. */
export class LedgerWriteError extends Error {
  override readonly name = 'LedgerWriteError'
}

/** The new file has taken the place of the old one, but may lose it again when power fails. */
class MovedError extends Error {
  override readonly name = 'MovedError'
}

const NAME = 'ledger'
const CLOSED = 'the ledger is closed'
const MAX_BYTES = 1_048_576
const NEWLINE = 0x0a
/** Sequence numbers taken at once, so that a telemetry record does not cost a sync. */
const SEQ_BLOCK = 4_096

export class Ledger {
  /** What was found and put right while opening, for people. */
  readonly notes: readonly string[]
  readonly #options: LedgerOptions
  readonly #files: LedgerFiles
  readonly #state: LedgerState
  readonly #release: () => void
  #fd: number
  #size: number
  #broken: string | null = null
  #seq: number
  /** Where the next attempt to shorten the file is due; after a failed one not at every entry. */
  #compactAt: number

  private constructor(options: LedgerOptions, opened: Opened, release: () => void) {
    this.#options = options
    this.#files = options.files ?? DISK
    this.#state = opened.state
    this.#fd = opened.fd
    this.#size = opened.size
    this.#release = release
    this.#seq = opened.state.seqUpto
    this.#compactAt = options.maxBytes ?? MAX_BYTES
    this.notes = opened.notes
  }

  /** Errors: HS_LEDGER_LOCKED, HS_LEDGER_CORRUPT, HS_LEDGER_FOREIGN. */
  static open(options: LedgerOptions): Ledger {
    fs.mkdirSync(options.folder, { recursive: true, mode: 0o700 })
    const lock = lockFolder(options.folder)
    try {
      const opened = openFile(options)
      const notes = lock.note === null ? opened.notes : [lock.note, ...opened.notes]
      return new Ledger(options, { ...opened, notes }, lock.release)
    } catch (error) {
      lock.release()
      throw error
    }
  }

  get epoch(): number {
    return this.#state.epoch
  }

  /** Size of the file in bytes. */
  get size(): number {
    return this.#size
  }

  /** Highest gen and seq of a task that a command was begun with; zeros for a task never heard. */
  seen(task: string): { readonly gen: number; readonly seq: number } {
    return this.#state.seen.get(task) ?? { gen: 0, seq: 0 }
  }

  command(id: string): CommandEntry | null {
    return this.#state.commands.get(id) ?? null
  }

  /** Commands begun and not ended, and ended ones whose result the log may not have. */
  open(): readonly (CommandEntry & { readonly id: string })[] {
    return [...this.#state.commands]
      .filter(([, { result, reported }]) => result === null || !reported)
      .map(([id, command]) => ({ id, ...command }))
  }

  position(partition: number): number | null {
    return this.#state.positions.get(partition) ?? null
  }

  instance(service: string, instance: string): InstanceEntry | null {
    return this.#state.instances.get(instanceKey(service, instance)) ?? null
  }

  /**
   * Entries become true together or not at all is not promised: each line stands alone. Errors:
   * LedgerWriteError.
   */
  append(...entries: readonly LedgerEntry[]): void {
    if (this.#broken !== null) throw new LedgerWriteError(this.#broken)
    const bytes = Buffer.concat(entries.map(encodeLine))
    try {
      writeAll(this.#files, this.#fd, bytes)
      this.#files.sync(this.#fd)
    } catch (error) {
      this.#undo(error)
    }
    this.#size += bytes.length
    for (const entry of entries) applyEntry(this.#state, entry)
    if (this.#size > this.#compactAt) this.#compact()
  }

  /**
   * The next sequence number. Never repeats, not after a crash either; after one some numbers are
   * left out. While the disk takes nothing, telemetry goes on: numbers then repeat after a crash,
   * and what carries them is dropped as a duplicate until the count has caught up.
   */
  nextSeq(): number {
    this.#seq += 1
    if (this.#seq > this.#state.seqUpto) {
      try {
        this.append({ t: 'seq', upto: this.#seq + SEQ_BLOCK })
      } catch (error) {
        if (!(error instanceof LedgerWriteError)) throw error
      }
    }
    return this.#seq
  }

  /**
   * Gives the folder back. The exact sequence number is kept, so that a clean stop leaves no gap.
   */
  close(): void {
    if (this.#broken === CLOSED) return
    try {
      this.#state.seqUpto = this.#seq
      this.#compact()
    } finally {
      // The descriptor's number may soon belong to another file.
      this.#broken = CLOSED
      fs.closeSync(this.#fd)
      this.#release()
    }
  }

  /**
   * Cuts off what was written of a failed entry. What cannot be cut off, or synced, ends the
   * ledger's use.
   */
  #undo(cause: unknown): never {
    const reason = cause instanceof Error ? cause.message : String(cause)
    try {
      fs.ftruncateSync(this.#fd, this.#size)
      this.#files.sync(this.#fd)
    } catch {
      this.#broken = `the ledger cannot be written any more: ${reason}`
    }
    throw new LedgerWriteError(`the ledger cannot be written: ${reason}`, { cause })
  }

  #compact(): void {
    try {
      const next = writeWhole(this.#options.folder, this.#state, this.#files)
      fs.closeSync(this.#fd)
      this.#fd = next.fd
      this.#size = next.size
      this.#compactAt = Math.max(this.#options.maxBytes ?? MAX_BYTES, 2 * next.size)
    } catch (error) {
      if (error instanceof MovedError) this.#broken = error.message
      // The old file is still whole; try again after it has grown some more.
      this.#compactAt = this.#size + (this.#options.maxBytes ?? MAX_BYTES) / 4
    }
  }
}

interface Opened {
  readonly state: LedgerState
  readonly fd: number
  readonly size: number
  readonly notes: readonly string[]
}

function writeAll(files: LedgerFiles, fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += files.write(fd, bytes.subarray(at))
}

/**
 * Writes the whole ledger anew: to a second file, synced, moved over the first, folder synced.
 * Errors: MovedError when only the last of these failed; with any other the first file is as it
 * was.
 */
function writeWhole(
  folder: string,
  state: LedgerState,
  files: LedgerFiles,
): { readonly fd: number; readonly size: number } {
  const next = join(folder, `${NAME}.new`)
  const bytes = Buffer.concat(entriesOf(state).map(encodeLine))
  fs.rmSync(next, { force: true })
  // Opened before anything moves: with no descriptor left, nothing does.
  const folderFd = fs.openSync(folder, 'r')
  try {
    const fd = fs.openSync(next, 'ax', 0o600)
    try {
      writeAll(files, fd, bytes)
      files.sync(fd)
      fs.renameSync(next, join(folder, NAME))
      syncFolder(files, folderFd)
    } catch (error) {
      fs.closeSync(fd)
      fs.rmSync(next, { force: true })
      throw error
    }
    return { fd, size: bytes.length }
  } finally {
    fs.closeSync(folderFd)
  }
}

function syncFolder(files: LedgerFiles, folderFd: number): void {
  try {
    files.sync(folderFd)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const message = `the ledger cannot be written any more: its folder: ${reason}`
    throw new MovedError(message, { cause })
  }
}

function openFile(options: LedgerOptions): Opened {
  const path = join(options.folder, NAME)
  fs.rmSync(`${path}.new`, { force: true })
  if (!fs.existsSync(path)) {
    const state = emptyState(options.clusterId, options.agentId, options.newEpoch)
    return { ...writeWhole(options.folder, state, options.files ?? DISK), state, notes: [] }
  }
  const bytes = fs.readFileSync(path)
  const end = bytes.lastIndexOf(NEWLINE) + 1
  const state = readLines(path, bytes.subarray(0, end))
  for (const [what, found, wanted] of [
    ['cluster', state.cluster, options.clusterId],
    ['agent', state.agent, options.agentId],
  ]) {
    if (found !== wanted) {
      const owner = `${what} ${JSON.stringify(found)}, this is ${JSON.stringify(wanted)}`
      throw new HsError('HS_LEDGER_FOREIGN', `${path} belongs to ${owner}`)
    }
  }
  const torn = bytes.length - end
  if (torn > 0) fs.truncateSync(path, end)
  const fd = fs.openSync(path, 'a')
  fs.fsyncSync(fd)
  const note = `cut off ${torn} bytes of a line that was never finished; nothing was done on it`
  return { state, fd, size: end, notes: torn > 0 ? [note] : [] }
}

function readLines(path: string, bytes: Buffer): LedgerState {
  let state: LedgerState | null = null
  let number = 0
  for (let from = 0; from < bytes.length; ) {
    const to = bytes.indexOf(NEWLINE, from)
    number += 1
    try {
      const entry = decodeLine(bytes.subarray(from, to))
      if (state === null) state = fromHeader(entry)
      else applyEntry(state, entry)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new HsError('HS_LEDGER_CORRUPT', `${path}: line ${number} cannot be used: ${reason}`)
    }
    from = to + 1
  }
  if (state === null) throw new HsError('HS_LEDGER_CORRUPT', `${path} has no header`)
  return state
}

function fromHeader(entry: LedgerEntry): LedgerState {
  if (entry.t !== 'header') throw new RangeError('the first line is no header')
  if (entry.format !== LEDGER_FORMAT)
    throw new RangeError(`it has format ${entry.format}, this version knows ${LEDGER_FORMAT}`)
  return emptyState(entry.cluster, entry.agent, entry.epoch)
}
