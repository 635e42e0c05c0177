// One POST of JSON to an address of the settings: bounded in time and in what is read back,
// redirects never followed (what is wrong here is for nobody else to read), a token read from its
// file for each request so that it can be replaced.
import { readFile } from 'node:fs/promises'
import { DeliveryError, type Refusal } from './sink.ts'

/** Of an answer, for the words of an error. */
const ANSWER_BYTES_MAX = 2_048
const SHOWN = 200
/** A sink cannot make us wait longer than this. */
const AFTER_MS_MAX = 300_000

export interface PostTarget {
  /** http or https, without user and password. */
  readonly url: string
  readonly timeoutMs: number
  /** Sent as `authorization: Bearer …`; null: nothing is. */
  readonly tokenFile: string | null
}

export interface PostBody {
  readonly json: unknown
  readonly headers: Readonly<Record<string, string>>
}

/** Errors: DeliveryError; the signal's reason when it is aborted. */
export async function post(
  target: PostTarget,
  { json, headers }: PostBody,
  signal: AbortSignal,
): Promise<void> {
  const limit = AbortSignal.timeout(target.timeoutMs)
  const authorization = await authorizationOf(target)
  let answer: Response
  try {
    answer = await fetch(target.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers, ...authorization },
      body: JSON.stringify(json),
      redirect: 'manual',
      signal: AbortSignal.any([limit, signal]),
    })
  } catch (error) {
    signal.throwIfAborted()
    throw new DeliveryError('again', unreached(error, target.timeoutMs))
  }
  const { status } = answer
  if (answer.ok) {
    await answer.body?.cancel().catch(() => undefined)
    return
  }
  const said = await head(answer).catch(() => '')
  signal.throwIfAborted()
  const what = `it answers ${status}${said === '' ? '' : `: ${said}`}`
  throw new DeliveryError(refusalOf(status), what, afterMs(answer))
}

/** Errors: DeliveryError where the file cannot be read now. */
async function authorizationOf({ tokenFile }: PostTarget): Promise<Record<string, string>> {
  if (tokenFile === null) return {}
  try {
    const token = (await readFile(tokenFile, 'utf8')).trim()
    return { authorization: `Bearer ${token}` }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new DeliveryError('again', `its token cannot be read: ${why}`)
  }
}

/** Only what speaks of this one body: all else may be put right by a person, there or here. */
function refusalOf(status: number): Refusal {
  return status === 400 || status === 413 || status === 415 || status === 422 ? 'refused' : 'again'
}

function unreached(error: unknown, timeoutMs: number): string {
  const isLate = error instanceof Error && error.name === 'TimeoutError'
  if (isLate) return `it has not answered within ${timeoutMs} ms`
  // `fetch` hides why in the cause.
  const inner = error instanceof Error ? (error.cause ?? error) : error
  return `it cannot be reached: ${inner instanceof Error ? inner.message : String(inner)}`
}

/** The beginning of an answer, on one line. */
async function head(answer: Response): Promise<string> {
  if (answer.body === null) return ''
  const reader = answer.body.getReader()
  const parts: Uint8Array[] = []
  let size = 0
  while (size < ANSWER_BYTES_MAX) {
    const { value, done } = await reader.read()
    if (done) break
    parts.push(value)
    size += value.length
  }
  await reader.cancel()
  const text = Buffer.concat(parts).subarray(0, ANSWER_BYTES_MAX).toString('utf8')
  return text
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
    .slice(0, SHOWN)
}

/** `Retry-After` in seconds; dates are not understood. */
function afterMs(answer: Response): number | null {
  const seconds = Number(answer.headers.get('retry-after') ?? Number.NaN)
  return seconds >= 0 ? Math.min(seconds * 1_000, AFTER_MS_MAX) : null
}
