// Which running healstream a command talks to, and with which token: flag, then environment, then
// the newest run file of this user.
import { readFileSync } from 'node:fs'
import { HsError } from '../contracts/failure.ts'
import { liveRuns, runFolder } from '../runtime/run-file.ts'

export interface ConnectionFlags {
  readonly url?: string | undefined
  readonly tokenFile?: string | undefined
}

export interface Connection {
  readonly url: URL
  readonly token: string
  /** Where the address came from, for error messages. */
  readonly origin: string
  /** Others that run too and were not chosen. */
  readonly others: readonly string[]
}

const TOKEN_FIX: string =
  'Name the token file that the running healstream printed at its start with --token-file.'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Errors: HS_UNREACHABLE when nothing runs, HS_CONFIG for an address or a token file that cannot be
 * used.
 */
export function findConnection(flags: ConnectionFlags, env: Environment): Connection {
  const named = pick(flags.url, '--url', env['HEALSTREAM_URL'], 'HEALSTREAM_URL')
  const tokenAt = pick(
    flags.tokenFile,
    '--token-file',
    env['HEALSTREAM_TOKEN_FILE'],
    'HEALSTREAM_TOKEN_FILE',
  )
  const runs = liveRuns(runFolder(env)).filter((run) => run.url !== null)
  const run = named === null ? runs[0] : runs.find((r) => r.url === trimmed(named.value))
  if (named === null && run === undefined)
    throw new HsError('HS_UNREACHABLE', `no running healstream found in ${runFolder(env)}`)
  const address = named ?? { value: run?.url ?? '', origin: 'the run file' }
  const url = loopbackUrl(address.value, address.origin)
  const token = tokenAt ?? (run && { value: run.token_file, origin: 'the run file' })
  if (token === undefined)
    throw new HsError('HS_UNAUTHORIZED', `no token file is known for ${address.value}`, {
      fix: TOKEN_FIX,
    })
  return {
    url,
    token: readToken(token.value, token.origin),
    origin: address.origin,
    others: named === null ? runs.slice(1).map((r) => r.url ?? '') : [],
  }
}

interface Picked {
  readonly value: string
  readonly origin: string
}

function pick(
  flag: string | undefined,
  flagName: string,
  variable: string | undefined,
  variableName: string,
): Picked | null {
  if (flag !== undefined) return { value: flag, origin: flagName }
  if (variable !== undefined && variable !== '') return { value: variable, origin: variableName }
  return null
}

const trimmed = (url: string): string => url.replace(/\/+$/, '')

/** The token goes over plain HTTP, so only to this machine. */
function loopbackUrl(text: string, origin: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || url.protocol !== 'http:')
    throw new HsError(
      'HS_CONFIG',
      `${origin} is ${JSON.stringify(text)}, expected http://127.0.0.1:PORT`,
    )
  if (!['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname))
    throw new HsError('HS_CONFIG', `${origin} names ${url.hostname}, which is not this machine`, {
      fix: 'The token is sent in the clear: reach another machine through a tunnel to this one.',
    })
  return url
}

function readToken(path: string, origin: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new HsError('HS_CONFIG', `token file of ${origin} cannot be read: ${reason}`, {
      fix: TOKEN_FIX,
      cause: error,
    })
  }
}
