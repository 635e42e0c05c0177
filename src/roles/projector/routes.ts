// What the reading endpoint offers: the views, the tail, and the two things an operator may write
// through it.
import type { HttpAnswer, HttpRequest, HttpRoute } from '../../adapters/http/server.ts'
import { HsError } from '../../contracts/failure.ts'
import { journalVerify } from '../../runtime/journal.ts'
import type { JournalReport } from '../../runtime/journal.ts'
import type { Clock } from '../../runtime/ports.ts'
import { checkedPolicies } from './policy-store.ts'
import type { PolicyStore } from './policy-store.ts'
import type { Projector } from './projector.ts'
import type { ReadModel } from './read-model.ts'
import { REASON_SPAN_MAX_MS, REASON_SPAN_MS, type ReasonRequest, type Reasons } from './reasons.ts'
import { tail, tailRequest } from './tail.ts'
import type { TailSource } from './tail.ts'
import { recencyHeaders } from './view-recency.ts'
import type { JournalView } from './views.ts'

export interface ReadingOptions {
  readonly source: TailSource & { readonly clock: Clock }
  readonly views: Pick<Projector, 'answer'>
  readonly policies: PolicyStore
  readonly reasons: Reasons
  /** Sets the cluster up; `created` is false when it was set up before. */
  readonly init: () => Promise<{ readonly clusterId: string; readonly created: boolean }>
  /** False before `init`: nothing can be read or written yet. */
  readonly hasGenesis: () => boolean
}

const json = (body: unknown): HttpAnswer => ({ kind: 'json', body })

/** Every route needs the token. */
export function readingRoutes(options: ReadingOptions): readonly HttpRoute[] {
  const { source } = options
  const get = (path: string, handle: (request: HttpRequest) => HttpAnswer): HttpRoute => ({
    method: 'GET',
    path,
    handle: (request) => {
      needGenesis(options)
      return handle(request)
    },
  })
  const view = (
    path: string,
    look: (model: ReadModel, request: HttpRequest) => unknown,
  ): HttpRoute =>
    get(path, (request) => {
      const answer = options.views.answer()
      const body = look(answer.model, request)
      return { kind: 'json', headers: recencyHeaders(answer, source.clock.nowMs()), body }
    })
  const service = (request: HttpRequest): string | null => request.query['service'] ?? null
  return [
    view('/v1/services', (model) => model.services()),
    view('/v1/instances', (model, request) => model.instances(service(request))),
    view('/v1/incidents', (model, request) => {
      const found = model.incidents(service(request))
      return request.query['state'] === 'open' ? found.filter((i) => i.open) : found
    }),
    view('/v1/incidents/:id', (model, { params }) => {
      const id = params['id'] ?? ''
      const found = model.incident(id)
      if (found === null) throw noIncident(id)
      return found
    }),
    reasonRoute(options),
    view('/v1/commands', (model, request) => model.commands(service(request))),
    view('/v1/policies', (model) => model.policies()),
    get('/v1/tail/:topic', ({ params, query, signal }) => ({
      kind: 'lines',
      lines: tail(source, tailRequest(params['topic'] ?? '', query, source.prefix), signal),
    })),
    {
      method: 'GET',
      path: '/v1/journal',
      handle: async () => {
        const reports = await journalVerify(source.log, source.prefix)
        return json(reports.map(journalView))
      },
    },
    {
      method: 'POST',
      path: '/v1/policies',
      handle: async ({ body }) => {
        needGenesis(options)
        const { text, file, ...by } = applyBody(body)
        const drafts = checkedPolicies(text, file)
        return json(await options.policies.apply(drafts, by))
      },
    },
    {
      method: 'POST',
      path: '/v1/init',
      handle: async () => {
        const { clusterId, created } = await options.init()
        return json({ cluster_id: clusterId, created })
      },
    },
  ]
}

function reasonRoute(options: ReadingOptions): HttpRoute {
  return {
    method: 'GET',
    path: '/v1/incidents/:id/reason',
    handle: async ({ params, query, signal }) => {
      needGenesis(options)
      const id = params['id'] ?? ''
      const found = options.views.answer().model.incident(id)
      if (found === null) throw noIncident(id)
      return json(await options.reasons.find(found, reasonRequest(query), signal))
    },
  }
}

function noIncident(id: string): HsError {
  const found =
    id === 'ops'
      ? 'no event of `ops`: nothing has happened to the tasks themselves'
      : `there is no incident ${JSON.stringify(id)}`
  return new HsError('HS_NOT_FOUND', found, { fix: 'List them with `healstream get incidents`.' })
}

/** Errors: HS_USAGE. */
function reasonRequest(query: Readonly<Record<string, string>>): ReasonRequest {
  const event = query['event'] === undefined ? null : Number(query['event'])
  const spanMs = query['span_ms'] === undefined ? REASON_SPAN_MS : Number(query['span_ms'])
  if (event !== null && !Number.isSafeInteger(event))
    throw new HsError('HS_USAGE', `event is ${JSON.stringify(query['event'])}, expected a number`)
  if (!(spanMs >= 0 && spanMs <= REASON_SPAN_MAX_MS))
    throw new HsError('HS_USAGE', `span_ms is ${spanMs}, expected 0 to ${REASON_SPAN_MAX_MS}`)
  return { event, spanMs }
}

function needGenesis(options: ReadingOptions): void {
  if (!options.hasGenesis())
    throw new HsError('HS_NO_GENESIS', 'this cluster has no genesis: no task may run yet')
}

export function journalView(report: JournalReport): JournalView {
  const { problem, ...rest } = report
  return { ...rest, problem: problem === null ? null : `${problem.code}: ${problem.message}` }
}

interface ApplyBody {
  readonly text: string
  readonly file: string
  readonly author: string
  readonly comment: string | null
  readonly dryRun: boolean
  readonly again: boolean
}

function applyBody(body: unknown): ApplyBody {
  const field = (name: string): unknown =>
    typeof body === 'object' && body !== null ? Reflect.get(body, name) : undefined
  const text = field('text')
  if (typeof text !== 'string')
    throw new HsError('HS_USAGE', 'the body has no `text`', {
      fix: 'Send {"text": "<the policy file>", "file": "<its name>"}.',
    })
  const word = (name: string): string | null => {
    const value = field(name)
    return typeof value === 'string' && value !== '' ? value.slice(0, 200) : null
  }
  return {
    text,
    file: word('file') ?? 'body',
    author: word('author') ?? 'unknown',
    comment: word('comment'),
    dryRun: field('dry_run') === true,
    again: field('again') === true,
  }
}
