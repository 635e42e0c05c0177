// Talks to the endpoint of a running healstream. Both ends are of one build, so an answer of the
// right route is taken for what views.ts says; failures come back as the HsError they were.
import { FAILURES, HsError } from '../contracts/failure.ts'
import type { FailureCode } from '../contracts/failure.ts'
import { recencyOf } from '../roles/projector/view-recency.ts'
import type { ViewRecency } from '../roles/projector/view-recency.ts'
import type { Connection } from './connection.ts'

const ANSWER_MS = 10_000

interface CallOptions {
  readonly method?: 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal?: AbortSignal
}

/** A view, and how old it is; null where the endpoint does not say. */
export interface Viewed<T> {
  readonly value: T
  readonly recency: ViewRecency | null
}

export class Client {
  private readonly connection: Connection

  constructor(connection: Connection) {
    this.connection = connection
  }

  /** Errors: HS_UNREACHABLE, and whatever the endpoint answers. */
  async get<T>(path: string, withinMs: number = ANSWER_MS): Promise<T> {
    const answer = await this.send(path, { signal: AbortSignal.timeout(withinMs) })
    return (await json(answer)) as T
  }

  /** Errors: as `get`. */
  async view<T>(path: string): Promise<Viewed<T>> {
    const answer = await this.send(path, { signal: AbortSignal.timeout(ANSWER_MS) })
    return { value: (await json(answer)) as T, recency: recencyOf(answer.headers) }
  }

  /** `withinMs`: less than the 30 s after which the endpoint closes a silent connection. */
  async post<T>(path: string, body: unknown, withinMs: number = ANSWER_MS): Promise<T> {
    const answer = await this.send(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(withinMs),
    })
    return (await json(answer)) as T
  }

  /** Lines of a stream, parsed; blank ones are left out. Errors: HS_UNREACHABLE when it is cut. */
  async *lines<T>(path: string): AsyncGenerator<T> {
    const answer = await this.send(path, {})
    let rest = ''
    const decoder = new TextDecoder()
    for await (const chunk of this.chunks(answer)) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) if (line !== '') yield JSON.parse(line) as T
    }
  }

  private async *chunks(answer: Response): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of answer.body ?? []) yield chunk
    } catch (error) {
      const what = `the stream of ${this.connection.url.origin} was cut`
      throw new HsError('HS_UNREACHABLE', what, { cause: error })
    }
  }

  private async send(path: string, init: CallOptions): Promise<Response> {
    const { url, token, origin } = this.connection
    const headers = { ...init.headers, authorization: `Bearer ${token}` }
    let answer: Response
    try {
      answer = await fetch(new URL(path, url), { ...init, headers })
    } catch (error) {
      const timedOut = error instanceof Error && error.name === 'TimeoutError'
      const what = timedOut ? 'no answer in time from' : 'nothing answers at'
      throw new HsError('HS_UNREACHABLE', `${what} ${url.origin} (from ${origin})`, {
        cause: error,
      })
    }
    if (!answer.ok) throw failureOf(await json(answer).catch(() => null), answer.status)
    return answer
  }
}

function json(answer: Response): Promise<unknown> {
  return answer.json()
}

function isCode(text: unknown): text is FailureCode {
  return typeof text === 'string' && Object.hasOwn(FAILURES, text)
}

function failureOf(body: unknown, status: number): HsError {
  if (typeof body === 'object' && body !== null && 'error' in body) {
    const { error } = body
    if (typeof error === 'object' && error !== null && 'code' in error && isCode(error.code)) {
      const message = 'message' in error ? String(error.message) : ''
      const fix = 'fix' in error ? String(error.fix) : FAILURES[error.code].fix
      return new HsError(error.code, message, { fix })
    }
  }
  return new HsError('HS_UNREACHABLE', `the endpoint answered ${status} in an unknown way`, {
    fix: 'Check that --url names a healstream of the same version.',
  })
}
