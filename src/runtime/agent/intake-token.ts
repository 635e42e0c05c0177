// The token of the intake: a file of the agent's folder that only its owner can read, or the
// environment.
import { randomBytes } from 'node:crypto'
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { HsError } from '../../contracts/failure.ts'

/** The token itself, or a file that holds it. */
export const TOKEN_ENV = 'HEALSTREAM_INTAKE_TOKEN'
export const TOKEN_FILE_ENV = 'HEALSTREAM_INTAKE_TOKEN_FILE'

const NAME = 'intake-token'
const OTHERS = 0o077

/** Where `folderToken` keeps it. */
export function tokenFileOf(folder: string): string {
  return join(folder, NAME)
}

/** Errors: HS_CONFIG when others can read the file or it holds nothing. */
export function readTokenFile(path: string): string {
  const open = statSync(path).mode & OTHERS
  if (open !== 0)
    throw new HsError('HS_CONFIG', `${path} can be read by others: set its mode to 0600`)
  const token = readFileSync(path, 'utf8').trim()
  if (token === '') throw new HsError('HS_CONFIG', `${path} holds no token`)
  return token
}

/** The folder's token; made at the first call and kept. */
export function folderToken(folder: string): string {
  const path = tokenFileOf(folder)
  try {
    return readTokenFile(path)
  } catch (error) {
    if (error instanceof HsError) throw error
  }
  const token = randomBytes(24).toString('base64url')
  writeFileSync(`${path}.new`, `${token}\n`, { mode: 0o600 })
  renameSync(`${path}.new`, path)
  return token
}

/** For services: the token from the environment, or '' when none is named. Errors: HS_CONFIG. */
export function tokenFromEnv(env: Readonly<Record<string, string | undefined>>): string {
  const file = env[TOKEN_FILE_ENV]
  return env[TOKEN_ENV] ?? (file === undefined ? '' : readTokenFile(file))
}
