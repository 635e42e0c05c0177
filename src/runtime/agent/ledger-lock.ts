// Lock of an agent's folder: a file that names the process that holds it. A dead holder's lock is
// taken over; a process is told from a later one with the same id by its start time.
import { linkSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { HsError } from '../../contracts/failure.ts'
import { isSameProcess, processStart } from './proc.ts'

const NAME = 'lock'

function contentOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

function isHeld(content: string): boolean {
  const [pid, start] = content.trim().split(' ')
  const id = Number(pid)
  return Number.isSafeInteger(id) && id > 0 && isSameProcess(id, start ?? null)
}

function locked(folder: string, content: string): HsError {
  const pid = Number(content.split(' ')[0])
  return new HsError('HS_LEDGER_LOCKED', `process ${pid} uses the agent folder ${folder}`)
}

/** Creates the lock with its content in one move; false when there is one already. */
function tryCreate(folder: string, content: string): boolean {
  const own = join(folder, `${NAME}.${process.pid}`)
  writeFileSync(own, content, { mode: 0o600 })
  try {
    linkSync(own, join(folder, NAME))
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  } finally {
    unlinkSync(own)
  }
}

/**
 * Moves a dead holder's lock aside; a lock that a living process put there meanwhile is put back.
 */
function clearStale(folder: string, stale: string): void {
  const aside = join(folder, `${NAME}.stale.${process.pid}`)
  try {
    renameSync(join(folder, NAME), aside)
  } catch {
    return
  }
  const moved = contentOf(aside)
  try {
    if (moved !== null && moved !== stale && isHeld(moved)) linkSync(aside, join(folder, NAME))
  } finally {
    unlinkSync(aside)
  }
}

/**
 * Takes the folder's lock; the answer gives it back. `note`: what was found, when a dead holder's
 * lock was taken over.
 * Errors: HS_LEDGER_LOCKED when a living process holds it.
 */
export function lockFolder(folder: string): { release: () => void; note: string | null } {
  const path = join(folder, NAME)
  const content = `${process.pid} ${processStart(process.pid) ?? ''}\n`
  let note: string | null = null
  for (let attempt = 0; attempt < 3; attempt++) {
    if (tryCreate(folder, content)) {
      const release = (): void => {
        if (contentOf(path) === content) unlinkSync(path)
      }
      return { release, note }
    }
    const found = contentOf(path)
    if (found === null) continue
    if (isHeld(found)) throw locked(folder, found)
    clearStale(folder, found)
    note = `took over the lock of process ${Number(found.split(' ')[0])}, which is gone`
  }
  throw locked(folder, contentOf(path) ?? '0')
}
