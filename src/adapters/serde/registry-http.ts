// Plain requests to a Confluent-compatible registry for what its client does not offer:
// compatibility levels and checks. Answers differ between servers (codes 40401, 40402, 40408 for
// "not there"; fields `compatibility` and `compatibilityLevel`), so only statuses count here.
import { HsError } from '../../contracts/failure.ts'

/** The registry did not answer, or not now: ids known from before may be used. */
export class RegistryDown extends Error {
  override readonly name = 'RegistryDown'
}

export interface RegistryAccess {
  /** http or https, without user and password. */
  readonly url: string
  readonly account?: { readonly username: string; readonly password: string } | undefined
}

export interface RegistryOptions extends RegistryAccess {
  /** Before the topic kind in the name of a subject. */
  readonly prefix: string
  /** For one call. */
  readonly deadlineMs: number
}

/** Errors: HS_CONFIG. */
export function checkedUrl(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : null
  const isPlain = parsed !== null && parsed.username === '' && parsed.password === ''
  if (isPlain && /^https?:$/.test(parsed.protocol)) return parsed.href.replace(/\/+$/, '')
  const what = 'the schema registry is not named by an http or https URL without user and password'
  throw new HsError('HS_CONFIG', what)
}

export function down(options: RegistryAccess, what: string): RegistryDown {
  return new RegistryDown(`schema registry ${options.url} ${what}`)
}

export function refusal(options: RegistryAccess, subject: string, what: string): HsError {
  const shown = what.length > 300 ? `${what.slice(0, 300)}…` : what
  const where = `schema registry ${options.url}, subject ${subject}`
  return new HsError('HS_SCHEMA', `${where}: ${shown}`)
}

export interface Answer {
  readonly status: number
  readonly body: unknown
}

/** Errors: RegistryDown; HS_SCHEMA for an answer that is no JSON, or 401, 403. */
export async function ask(
  options: RegistryOptions,
  subject: string,
  request: { readonly method: 'GET' | 'PUT' | 'POST'; readonly path: string; body?: unknown },
): Promise<Answer> {
  const { status, text } = await carry(options, request)
  if (status >= 500 || status === 408 || status === 429)
    throw down(options, `answers with status ${status}`)
  if (status === 401 || status === 403)
    throw refusal(options, subject, `answers with status ${status}`)
  try {
    return { status, body: JSON.parse(text) }
  } catch {
    if (status === 404) return { status, body: null }
    const what = `status ${status} without JSON; it may not be a schema registry`
    throw refusal(options, subject, what)
  }
}

async function carry(
  { url, account, deadlineMs, ...options }: RegistryOptions,
  { method, path, body }: { method: string; path: string; body?: unknown },
): Promise<{ readonly status: number; readonly text: string }> {
  const pair = account === undefined ? '' : `${account.username}:${account.password}`
  const headers = {
    accept: 'application/vnd.schemaregistry.v1+json',
    ...(account && { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }),
    ...(body !== undefined && { 'content-type': 'application/vnd.schemaregistry.v1+json' }),
  }
  try {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      redirect: 'error',
      signal: AbortSignal.timeout(deadlineMs),
    })
    return { status: answer.status, text: await answer.text() }
  } catch (error) {
    const isLate = error instanceof Error && error.name === 'TimeoutError'
    const late = `has not answered within ${deadlineMs} ms`
    throw down({ ...options, url }, isLate ? late : `cannot be reached: ${causeOf(error)}`)
  }
}

/** `fetch` hides why in the cause. */
function causeOf(error: unknown): string {
  const inner = error instanceof Error ? (error.cause ?? error) : error
  return inner instanceof Error ? inner.message : String(inner)
}

/** A field of a JSON object. */
export function fieldOf(body: unknown, name: string): unknown {
  return typeof body === 'object' && body !== null ? Reflect.get(body, name) : undefined
}
