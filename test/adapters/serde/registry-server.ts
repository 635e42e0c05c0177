// A small schema registry that answers as Confluent's does, over real HTTP, and can be told to
// misbehave.
import http from 'node:http'

export type Mood =
  | 'well'
  | 'silent'
  | 'slow_body'
  | 'not_found'
  | 'web_page'
  | 'error_500'
  | 'unauthorized'
  | 'incompatible'
  /** Holds nothing of what it held. */
  | 'emptied'
  | 'negative_id'
  | 'same_id'
  | 'cut_off'

interface Answer {
  status: number
  body: unknown
}

const WEB_PAGE = { status: 200, body: '<html>welcome</html>' }
const NOT_FOUND = { status: 404, body: 'nothing here' }
const BROKEN = { status: 500, body: { error_code: 50001, message: 'store' } }
const UNAUTHORIZED = { status: 401, body: { error_code: 401, message: 'Unauthorized' } }
const NO_SCHEMA = { status: 404, body: { error_code: 40403, message: 'Schema not found' } }
const INCOMPATIBLE = {
  status: 409,
  body: { error_code: 409, message: 'incompatible with version 1' },
}

export class RegistryServer {
  readonly subjects = new Map<string, string[]>()
  readonly levels = new Map<string, string>()
  readonly requests: string[] = []
  mood: Mood = 'well'
  firstId = 1
  /** `user:password`, when it asks for them. */
  account: string | null = null
  private readonly ids: string[] = []
  private readonly server = http.createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => this.reply(request, response, body))
  })

  static async start(): Promise<RegistryServer> {
    const registry = new RegistryServer()
    await new Promise<void>((resolve) => {
      registry.server.listen(0, '127.0.0.1', resolve)
    })
    return registry
  }

  get url(): string {
    const address = this.server.address() ?? this.last
    this.last = address
    const port = typeof address === 'object' && address !== null ? address.port : 0
    return `http://127.0.0.1:${port}`
  }
  /** The address stays known after `close`. */
  private last: ReturnType<http.Server['address']> = null

  async close(): Promise<void> {
    this.last = this.server.address() ?? this.last
    this.server.closeAllConnections()
    await new Promise((resolve) => this.server.close(resolve))
  }

  private reply(request: http.IncomingMessage, response: http.ServerResponse, body: string): void {
    this.requests.push(`${request.method} ${request.url}`)
    if (this.mood === 'silent') return
    if (this.mood === 'cut_off') {
      response.destroy()
      return
    }
    const { status, body: answer } = this.answerTo(request, body)
    const text = typeof answer === 'string' ? answer : JSON.stringify(answer)
    const isSlow = this.mood === 'slow_body'
    response.writeHead(status, {
      'content-type': 'application/vnd.schemaregistry.v1+json',
      'content-length': text.length + (isSlow ? 1 : 0),
    })
    if (isSlow) response.write(text)
    else response.end(text)
  }

  private answerTo(request: http.IncomingMessage, body: string): Answer {
    if (this.mood === 'not_found') return NOT_FOUND
    if (this.mood === 'web_page') return WEB_PAGE
    if (this.mood === 'error_500') return BROKEN
    const authorization = this.account === null ? null : `Basic ${btoa(this.account)}`
    if (this.mood === 'unauthorized' || authorization !== (request.headers.authorization ?? null))
      return UNAUTHORIZED
    const [, area = '', subject = '', versions] = (request.url ?? '').split('/')
    const name = decodeURIComponent(subject)
    if (area === 'config') return this.config(request.method ?? '', name, body)
    if (area === 'compatibility') return this.compatibility(decodeURIComponent(versions ?? ''))
    if (area !== 'subjects') return NOT_FOUND
    return this.lookUp(name, versions === 'versions', JSON.parse(body).schema)
  }

  /** `/compatibility/subjects/<subject>/versions` */
  private compatibility(subject: string): Answer {
    if (!this.subjects.has(subject)) return NO_SCHEMA
    const messages = this.mood === 'incompatible' ? ['READER_FIELD_MISSING_DEFAULT_VALUE'] : []
    return { status: 200, body: { is_compatible: messages.length === 0, messages } }
  }

  private config(method: string, subject: string, body: string): Answer {
    if (method === 'PUT') {
      this.levels.set(subject, JSON.parse(body).compatibility)
      return { status: 200, body: JSON.parse(body) }
    }
    const level = this.levels.get(subject)
    return level === undefined
      ? { status: 404, body: { error_code: 40408, message: `${subject} has no level` } }
      : { status: 200, body: { compatibilityLevel: level } }
  }

  private lookUp(subject: string, register: boolean, schema: string): Answer {
    const held = this.mood === 'emptied' ? [] : (this.subjects.get(subject) ?? [])
    if (!held.includes(schema)) {
      if (!register) return NO_SCHEMA
      if (this.mood === 'incompatible') return INCOMPATIBLE
      this.subjects.set(subject, [...held, schema])
    }
    if (!this.ids.includes(schema)) this.ids.push(schema)
    const id = this.firstId + this.ids.indexOf(schema)
    const given = this.mood === 'negative_id' ? -id : this.mood === 'same_id' ? 1 : id
    return { status: 200, body: { subject, id: given, version: 1, schema } }
  }
}
