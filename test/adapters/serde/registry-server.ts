// A small schema registry that answers as Confluent's does, over real HTTP, and can be told to
// misbehave.
import http from 'node:http'
import type { AddressInfo } from 'node:net'

export type Mood =
  | 'well'
  | 'silent'
  | 'slow_body'
  | 'not_found'
  | 'web_page'
  | 'error_500'
  | 'unauthorized'
  | 'incompatible'
  | 'negative_id'
  | 'same_id'
  | 'cut_off'

export interface RegistryServer {
  readonly url: string
  readonly subjects: Map<string, string[]>
  readonly levels: Map<string, string>
  readonly requests: string[]
  mood: Mood
  firstId: number
  account: string | null
  close(): Promise<void>
}

interface Answer {
  status: number
  body: unknown
}

export async function startRegistry(port: number = 0): Promise<RegistryServer> {
  const ids: string[] = []
  const server = http.createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => reply(request, response, body))
  })
  const state: RegistryServer = {
    url: '',
    subjects: new Map(),
    levels: new Map(),
    requests: [],
    mood: 'well',
    firstId: 1,
    account: null,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }

  function reply(request: http.IncomingMessage, response: http.ServerResponse, body: string): void {
    state.requests.push(`${request.method} ${request.url}`)
    if (state.mood === 'silent') return
    if (state.mood === 'cut_off') {
      response.destroy()
      return
    }
    const { status, body: answer } = answerTo(request, body)
    const text = typeof answer === 'string' ? answer : JSON.stringify(answer)
    const length = state.mood === 'slow_body' ? text.length + 1 : text.length
    response.writeHead(status, {
      'content-type': 'application/vnd.schemaregistry.v1+json',
      'content-length': length,
    })
    if (state.mood === 'slow_body') response.write(text)
    else response.end(text)
  }

  function answerTo(request: http.IncomingMessage, body: string): Answer {
    if (state.mood === 'not_found') return { status: 404, body: 'nothing here' }
    if (state.mood === 'web_page') return { status: 200, body: '<html>welcome</html>' }
    if (state.mood === 'error_500')
      return { status: 500, body: { error_code: 50001, message: 'store' } }
    const authorization = state.account === null ? null : `Basic ${btoa(state.account)}`
    if (state.mood === 'unauthorized' || authorization !== (request.headers.authorization ?? null))
      return { status: 401, body: { error_code: 401, message: 'Unauthorized' } }
    const [, area = '', subject = '', versions] = (request.url ?? '').split('/')
    if (area === 'config') return config(request.method ?? '', decodeURIComponent(subject), body)
    if (area === 'subjects')
      return lookUp(decodeURIComponent(subject), versions === 'versions', JSON.parse(body).schema)
    return { status: 404, body: { error_code: 404, message: 'HTTP 404 Not Found' } }
  }

  function config(method: string, subject: string, body: string): Answer {
    if (method === 'PUT') {
      state.levels.set(subject, JSON.parse(body).compatibility)
      return { status: 200, body: JSON.parse(body) }
    }
    const level = state.levels.get(subject)
    return level === undefined
      ? { status: 404, body: { error_code: 40408, message: `${subject} has no level` } }
      : { status: 200, body: { compatibilityLevel: level } }
  }

  function lookUp(subject: string, register: boolean, schema: string): Answer {
    const held = state.subjects.get(subject) ?? []
    if (!held.includes(schema)) {
      if (!register)
        return { status: 404, body: { error_code: 40403, message: 'Schema not found' } }
      if (state.mood === 'incompatible')
        return { status: 409, body: { error_code: 409, message: 'incompatible with version 1' } }
      state.subjects.set(subject, [...held, schema])
    }
    if (!ids.includes(schema)) ids.push(schema)
    const id = state.firstId + ids.indexOf(schema)
    const given = state.mood === 'negative_id' ? -id : state.mood === 'same_id' ? 1 : id
    return { status: 200, body: { subject, id: given, version: 1, schema } }
  }

  await new Promise<void>((resolve) => {
    server.listen(port, '127.0.0.1', resolve)
  })
  const address = server.address() as AddressInfo
  Reflect.set(state, 'url', `http://127.0.0.1:${address.port}`)
  return state
}
