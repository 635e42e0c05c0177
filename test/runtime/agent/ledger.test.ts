// The ledger on a real disk: what it has taken is there after a crash, what it has not is not, and
// a file that cannot be trusted stops the agent.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { HsError } from '../../../src/contracts/failure.ts'
import {
  DISK,
  Ledger,
  type LedgerFiles,
  type LedgerOptions,
  LedgerWriteError,
} from '../../../src/runtime/agent/ledger.ts'
import type { LedgerEntry } from '../../../src/runtime/agent/ledger-entry.ts'
import { resultBody } from './ledger-fixture.ts'

let folder = ''
beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'healstream-ledger-'))
})
afterEach(() => fs.rmSync(folder, { recursive: true }))

function open(more: Partial<LedgerOptions> = {}): Ledger {
  return Ledger.open({ folder, clusterId: 'c', agentId: 'a', newEpoch: 7, ...more })
}

/** Leaves the folder as kill -9 would: nothing is written, only the lock goes. */
function crash(): void {
  fs.rmSync(join(folder, 'lock'))
}

const path = (): string => join(folder, 'ledger')

function started(id: string, seq: number): LedgerEntry {
  return { t: 'started', id, task: 's1', gen: 2, seq, draft: resultBody('started', id) }
}

function code(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    if (error instanceof HsError) return error.code
    throw error
  }
  return 'none'
}

describe('a folder', () => {
  test('that is new is a new epoch; the same folder keeps it', () => {
    open().close()
    const again = open({ newEpoch: 99 })
    expect(again.epoch).toBe(7)
    again.close()
  })

  test('is readable by its owner only', () => {
    const ledger = open()
    expect(fs.statSync(path()).mode & 0o077).toBe(0)
    ledger.close()
  })

  test('of another agent or cluster is refused, and left unlocked', () => {
    open().close()
    expect(code(() => open({ agentId: 'b' }))).toBe('HS_LEDGER_FOREIGN')
    expect(code(() => open({ clusterId: 'd' }))).toBe('HS_LEDGER_FOREIGN')
    open().close()
  })

  test('in use is refused', () => {
    const ledger = open()
    expect(code(open)).toBe('HS_LEDGER_LOCKED')
    ledger.close()
  })
})

describe('after a crash', () => {
  test('everything that was appended is there', () => {
    const ledger = open()
    ledger.append(started('c1', 5), { t: 'position', partition: 3, offset: 17 })
    ledger.append({
      t: 'instance',
      service: 's',
      instance: 'i',
      incarnation: 4,
      pid: 12,
      start: '99',
    })
    crash()
    const again = open()
    expect(again.seen('s1')).toEqual({ gen: 2, seq: 5 })
    expect(again.seen('other')).toEqual({ gen: 0, seq: 0 })
    expect(again.position(3)).toBe(17)
    expect(again.position(4)).toBeNull()
    expect(again.instance('s', 'i')).toMatchObject({ incarnation: 4, pid: 12, start: '99' })
    expect(again.open().map(({ id, result }) => [id, result])).toEqual([['c1', null]])
    again.close()
  })

  test('a command is open until its result is told', () => {
    const ledger = open()
    ledger.append(started('c1', 1), started('c2', 2))
    ledger.append({ t: 'done', id: 'c1', result: resultBody('succeeded') })
    ledger.append({ t: 'done', id: 'c2', result: resultBody('failed', 'c2') })
    ledger.append({ t: 'reported', id: 'c1' })
    crash()
    const again = open()
    expect(again.open().map(({ id }) => id)).toEqual(['c2'])
    expect(again.command('c1')?.result?.outcome).toBe('succeeded')
    again.close()
  })

  test('no sequence number is used again; a clean stop leaves no gap', () => {
    let ledger = open()
    for (let i = 1; i <= 3; i++) expect(ledger.nextSeq()).toBe(i)
    ledger.close()
    ledger = open()
    expect(ledger.nextSeq()).toBe(4)
    crash()
    const again = open()
    expect(again.nextSeq()).toBeGreaterThan(4)
    again.close()
  })
})

describe('a damaged file', () => {
  function written(): Buffer {
    const ledger = open()
    ledger.append(started('c1', 1))
    ledger.append(started('c2', 2))
    crash()
    return fs.readFileSync(path())
  }

  test('with its last line torn at any byte loses that line alone, and says so', () => {
    const whole = written()
    const last = whole.subarray(0, -1).lastIndexOf(0x0a) + 1
    for (let end = last + 1; end < whole.length; end += 7) {
      fs.writeFileSync(path(), whole.subarray(0, end))
      const ledger = open()
      expect(ledger.command('c2')).toBeNull()
      expect(ledger.command('c1')).not.toBeNull()
      expect(ledger.notes).toEqual([
        `cut off ${end - last} bytes of a line that was never finished; nothing was done on it`,
      ])
      crash()
      expect(fs.statSync(path()).size).toBe(last)
    }
  })

  test('whose tail is zeros, as some file systems leave it, loses nothing whole', () => {
    const whole = written()
    fs.writeFileSync(path(), Buffer.concat([whole, Buffer.alloc(512)]))
    const ledger = open()
    expect(ledger.command('c2')).not.toBeNull()
    ledger.close()
  })

  test('with a bit changed anywhere in a whole line stops the agent', () => {
    // The last line too: it was synced, so something may have been done on it.
    const whole = written()
    for (let at = 0; at < whole.length; at += 13) {
      const bad = Buffer.from(whole)
      bad[at] = (bad[at] ?? 0) ^ 1
      fs.writeFileSync(path(), bad)
      expect(code(open)).toBe('HS_LEDGER_CORRUPT')
    }
  })

  test.each([
    ['nothing in it', (): Buffer => Buffer.alloc(0)],
    ['its header gone', (whole: Buffer): Buffer => whole.subarray(whole.indexOf(0x0a) + 1)],
    ['garbage', (): Buffer => Buffer.from('hello\nworld\n')],
    ['a line repeated', (whole: Buffer): Buffer => Buffer.concat([whole, lastLine(whole)])],
  ])('with %s stops the agent', (_, damage) => {
    fs.writeFileSync(path(), damage(written()))
    expect(code(open)).toBe('HS_LEDGER_CORRUPT')
  })

  function lastLine(whole: Buffer): Buffer {
    return whole.subarray(whole.subarray(0, -1).lastIndexOf(0x0a) + 1)
  }
})

describe('shortening', () => {
  test('keeps the file bounded and what matters in it', () => {
    const maxBytes = 200_000
    let ledger = open({ maxBytes })
    let largest = 0
    for (let n = 1; n <= 1_500; n++) {
      const id = `c${n}`
      ledger.append(started(id, n))
      ledger.append({ t: 'done', id, result: resultBody('succeeded', id) }, { t: 'reported', id })
      largest = Math.max(largest, ledger.size)
    }
    expect(largest).toBeLessThan(2 * maxBytes + 10_000)
    crash()
    ledger = open({ maxBytes })
    expect(ledger.seen('s1')).toEqual({ gen: 2, seq: 1_500 })
    expect(ledger.command('c1500')?.reported).toBe(true)
    ledger.close()
  }, 120_000)

  test('a half-written new file of an earlier life is no harm', () => {
    open().close()
    fs.writeFileSync(`${path()}.new`, 'half')
    open().close()
    expect(fs.existsSync(`${path()}.new`)).toBe(false)
  })
})

describe('a disk that takes nothing', () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })

  /** Once broken, writes half of what it is given, then fails. */
  function halfDisk(): { files: LedgerFiles; set: (ok: boolean) => void } {
    let [ok, wrote] = [true, false]
    const files: LedgerFiles = {
      write(fd, bytes) {
        if (ok) return DISK.write(fd, bytes)
        if (wrote) throw full
        wrote = true
        return DISK.write(fd, bytes.subarray(0, bytes.length >> 1))
      },
      sync: (fd) => DISK.sync(fd),
    }
    const set = (value: boolean): void => {
      ok = value
      wrote = false
    }
    return { files, set }
  }

  test('refuses the entry, leaves no half of it, takes entries again when there is room', () => {
    const { files, set } = halfDisk()
    const ledger = open({ files })
    ledger.append(started('c1', 1))
    set(false)
    expect(() => ledger.append(started('c2', 2))).toThrow(LedgerWriteError)
    expect(ledger.command('c2')).toBeNull()
    expect(ledger.seen('s1').seq).toBe(1)
    set(true)
    ledger.append(started('c3', 3))
    crash()
    const again = open()
    expect(again.notes).toEqual([])
    expect(again.open().map(({ id }) => id)).toEqual(['c1', 'c3'])
    again.close()
  })

  test('does not keep telemetry from being numbered', () => {
    const { files, set } = halfDisk()
    const ledger = open({ files })
    set(false)
    expect([ledger.nextSeq(), ledger.nextSeq()]).toEqual([1, 2])
    set(true)
    ledger.close()
  })

  test('that fails to sync is not trusted again', () => {
    let syncs = 0
    const files: LedgerFiles = {
      write: (fd, bytes) => DISK.write(fd, bytes),
      sync(fd) {
        // The new file, its folder, and the first entry.
        if (++syncs > 3) throw new Error('EIO')
        DISK.sync(fd)
      },
    }
    const ledger = open({ files })
    ledger.append(started('c1', 1))
    expect(() => ledger.append(started('c2', 2))).toThrow('EIO')
    expect(() => ledger.append(started('c3', 3))).toThrow('cannot be written any more')
    ledger.close()
  })

  test('and does not sync its folder is not trusted with what would be lost', () => {
    // A shortened file had taken the place of the old one when the folder could not be synced (or
    // not even opened, for want of descriptors). That was taken for "the old file is still whole",
    // and entries went on into the old one, which had no name any more: after a crash the commands
    // begun since were unknown, and would have been done again.
    let fails = false
    const files: LedgerFiles = {
      write: (fd, bytes) => DISK.write(fd, bytes),
      sync(fd) {
        if (fails && fs.fstatSync(fd).isDirectory()) throw new Error('EIO')
        DISK.sync(fd)
      },
    }
    const maxBytes = 2_000
    const ledger = open({ files, maxBytes })
    fails = true
    const begun: string[] = []
    const begin = (): void => {
      for (let n = 1; n <= 20; n++) {
        ledger.append(started(`c${n}`, n))
        begun.push(`c${n}`)
      }
    }
    expect(begin).toThrow('its folder: EIO')
    expect(begun.length).toBeGreaterThan(1)
    crash()
    const again = open()
    expect(again.open().map(({ id }) => id)).toEqual(begun)
    again.close()
  })

  test('for real: a full file system', (context) => {
    const disk = join(folder, 'disk')
    fs.mkdirSync(disk)
    try {
      const mount = ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]
      execFileSync('/bin/mount', mount, { stdio: 'ignore' })
    } catch {
      return context.skip('mounting a small file system is not allowed here')
    }
    try {
      const ledger = open({ folder: disk })
      ledger.append(started('c1', 1))
      expect(() => {
        for (let n = 2; n < 1_000; n++) ledger.append(started(`c${n}`, n))
      }).toThrow(LedgerWriteError)
      const { seq } = ledger.seen('s1')
      fs.rmSync(join(disk, 'lock'))
      const again = open({ folder: disk })
      expect(again.notes).toEqual([])
      expect(again.seen('s1').seq).toBe(seq)
      again.close()
      ledger.close()
    } finally {
      execFileSync('/bin/umount', ['-l', disk])
    }
  })
})

test('a closed ledger takes nothing: its descriptor may belong to another file by then', () => {
  const ledger = open()
  ledger.close()
  expect(() => ledger.append(started('c1', 1))).toThrow('the ledger is closed')
  ledger.close()
})
