// How a command finds a running healstream on this machine: a run file with its address beside a
// token file (0600), in a folder only its user can enter. A run file names process id and start
// time, so one left by a killed process is recognised (a reused process id starts at another time)
// and removed together with its temporary folder.
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { HsError } from '../contracts/failure.ts'
import { isSameProcess, processStart } from './agent/proc.ts'

/** Temporary folders of a demo; only such ones are ever removed on behalf of a dead process. */
export const TEMP_PREFIX = 'healstream-demo-'

export interface RunInfo {
  readonly pid: number
  /**
   * Start time of the process in clock ticks since boot (Linux), null where that cannot be read.
   */
  readonly process_start: string | null
  readonly started_at_ms: number
  /** Absent until the endpoint listens. */
  readonly url: string | null
  readonly token_file: string
  readonly temp_folder: string | null
}

/** A run of this process: its token, and the file that others find it by. */
export interface Run {
  readonly token: string
  readonly tokenFile: string
  /** What `remove` removes. */
  readonly paths: readonly string[]
  /** Makes the address known. Errors: HS_CONFIG when the folder cannot be written. */
  publish(url: string): void
  /** Removes run file and token; may be called twice. */
  remove(): void
}

type Environment = Readonly<Record<string, string | undefined>>

/** `$XDG_RUNTIME_DIR/healstream`, else `~/.healstream/run`. */
export function runFolder(env: Environment): string {
  const base = env['XDG_RUNTIME_DIR']
  if (base !== undefined && base !== '') return join(base, 'healstream')
  return join(env['HOME'] ?? homedir(), '.healstream', 'run')
}

/** Where workers enter themselves: commands that read views cannot ask them. */
export function workersFolder(env: Environment): string {
  return join(runFolder(env), 'workers')
}

/**
 * Enters this process into the folder: token file and run file, without an address yet.
 * Errors: HS_CONFIG when the folder cannot be made or belongs to somebody else.
 */
export function claimRun(folder: string, startedAtMs: number, tempFolder: string | null): Run {
  const token = randomBytes(32).toString('base64url')
  const tokenFile = join(folder, `${process.pid}.token`)
  const file = join(folder, `${process.pid}.json`)
  const info: RunInfo = {
    pid: process.pid,
    process_start: processStart(process.pid),
    started_at_ms: startedAtMs,
    url: null,
    token_file: tokenFile,
    temp_folder: tempFolder,
  }
  const write = (content: RunInfo): void => {
    writeFileSync(`${file}.new`, `${JSON.stringify(content)}\n`, { mode: 0o600 })
    renameSync(`${file}.new`, file)
  }
  const paths = [file, `${file}.new`, tokenFile]
  const remove = (): void => {
    for (const path of paths) rmSync(path, { force: true })
  }
  try {
    ownFolder(folder)
    remove()
    writeFileSync(tokenFile, `${token}\n`, { mode: 0o600, flag: 'wx' })
    write(info)
  } catch (error) {
    throw asConfigError(error, folder)
  }
  return { token, tokenFile, paths, publish: (url) => write({ ...info, url }), remove }
}

function ownFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const stat = lstatSync(folder)
  const uid = process.getuid?.()
  if (!stat.isDirectory() || (uid !== undefined && stat.uid !== uid))
    throw new HsError('HS_CONFIG', `run folder ${folder} is not a folder of this user`, {
      fix: 'Set XDG_RUNTIME_DIR to a folder that belongs to you.',
    })
  if ((stat.mode & 0o077) !== 0) chmodSync(folder, 0o700)
}

function asConfigError(error: unknown, folder: string): HsError {
  if (error instanceof HsError) return error
  const reason = error instanceof Error ? error.message : String(error)
  return new HsError('HS_CONFIG', `run folder ${folder} cannot be used: ${reason}`, {
    fix: 'Set XDG_RUNTIME_DIR to a folder you can write to.',
    cause: error,
  })
}

/**
 * Runs whose process lives, newest first. What a dead process left behind (run file, token,
 * temporary folder) is removed on the way.
 */
export function liveRuns(folder: string): readonly RunInfo[] {
  const live: RunInfo[] = []
  for (const name of listed(folder)) {
    const info = readRun(join(folder, name))
    if (info !== null && isSameProcess(info.pid, info.process_start)) live.push(info)
    else sweep(folder, name, info)
  }
  return live.sort((a, b) => b.started_at_ms - a.started_at_ms)
}

function listed(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter((name) => /^\d+\.json$/.test(name))
  } catch {
    return []
  }
}

function sweep(folder: string, name: string, info: RunInfo | null): void {
  const temp = info?.temp_folder ?? null
  const ours = temp !== null && dirname(temp) === tmpdir() && basename(temp).startsWith(TEMP_PREFIX)
  if (ours) rmSync(temp, { recursive: true, force: true })
  rmSync(join(folder, name), { force: true })
  rmSync(join(folder, name.replace(/json$/, 'token')), { force: true })
}

function readRun(path: string): RunInfo | null {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return isRunInfo(value) ? value : null
  } catch {
    return null
  }
}

function isRunInfo(value: unknown): value is RunInfo {
  if (typeof value !== 'object' || value === null) return false
  const text = (field: unknown): boolean => field === null || typeof field === 'string'
  return (
    'pid' in value &&
    Number.isInteger(value.pid) &&
    'process_start' in value &&
    text(value.process_start) &&
    'started_at_ms' in value &&
    typeof value.started_at_ms === 'number' &&
    'url' in value &&
    text(value.url) &&
    'token_file' in value &&
    typeof value.token_file === 'string' &&
    'temp_folder' in value &&
    text(value.temp_folder)
  )
}
