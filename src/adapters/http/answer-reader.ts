// Reads one HTTP/1 answer from what a socket brings: its status, and where it ends. Nothing else of
// it is kept. For probes, many a second: Node's own client costs more than twice the CPU time per
// try. Framing as in RFC 9112, sections 4 to 7.

const START = 'HTTP/1.'
const STATUS_LINE = /^HTTP\/1\.[01] (\d{3})(?: .*)?$/
const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/
const HEAD_END = /\r?\n\r?\n/
const HEAD_BYTES_MAX = 16_384
/** With extensions as RFC 9112 7.1.1 has them, without white space, which full clients refuse. */
const CHUNK_SIZE =
  /^([0-9a-fA-F]{1,8})(?:;[\w!#$%&'*+.^`|~-]+(?:=(?:[\w!#$%&'*+.^`|~-]+|"(?:[^"\\]|\\.)*"))?)*\r$/
const CHUNK_END = '\r\n'
const LINE_BYTES_MAX = 1_024
/** `wait`: for more of what is being read. */
type Step = 'on' | 'wait' | 'bad'
type Part = 'head' | 'body' | 'chunk size' | 'chunk' | 'chunk end' | 'trailers' | 'until end'

/** Answers that never have a body. */
const BODILESS: ReadonlySet<number> = new Set([101, 204, 304])

export class AnswerReader {
  /** Known once the head was read; not of interim answers (1xx). */
  status: number | null = null
  /** Read to its end. */
  isDone: boolean = false
  /** Read beyond the head. */
  bodyBytes: number = 0
  #part: Part = 'head'
  #unread = ''
  /** Of the body, or of a chunk. */
  #left = 0

  /** False: this is no HTTP answer. */
  push(bytes: Buffer): boolean {
    this.#unread += bytes.toString('latin1')
    if (this.status !== null) this.bodyBytes += bytes.length
    for (;;) {
      const step = this.#read()
      if (step === 'bad') return false
      if (step === 'wait' || this.isDone) return true
    }
  }

  /** The other side has said all it will: whether that was a whole answer. */
  end(): boolean {
    return this.isDone || this.#part === 'until end'
  }

  #read(): Step {
    switch (this.#part) {
      case 'head':
        return this.#readHead()
      case 'chunk size':
        return this.#readSize()
      case 'chunk end':
        return this.#readChunkEnd()
      case 'trailers':
        return this.#readTrailer()
      case 'body':
      case 'chunk':
        return this.#skip()
      case 'until end':
        this.#unread = ''
        return 'wait'
    }
  }

  #readHead(): Step {
    const text = this.#unread
    if (!text.startsWith(START.slice(0, text.length))) return 'bad'
    const end = HEAD_END.exec(text)
    if (end === null) return text.length <= HEAD_BYTES_MAX ? 'wait' : 'bad'
    const [first = '', ...lines] = text.slice(0, end.index).split(/\r?\n/)
    this.#unread = text.slice(end.index + end[0].length)
    const status = Number(STATUS_LINE.exec(first)?.[1])
    const headers = headersOf(lines)
    if (!(status >= 100) || headers === null) return 'bad'
    if (status < 200 && status !== 101) return 'on'
    this.status = status
    this.bodyBytes = this.#unread.length
    return this.#frame(status, headers)
  }

  #frame(status: number, headers: ReadonlyMap<string, string>): Step {
    const coding = headers.get('transfer-encoding')
    const length = headers.get('content-length')
    if (BODILESS.has(status)) this.isDone = true
    else if (coding !== undefined)
      this.#part = /(?:^|,)[ \t]*chunked$/i.test(coding) ? 'chunk size' : 'until end'
    else if (length === undefined) this.#part = 'until end'
    else {
      if (!/^\d{1,15}$/.test(length)) return 'bad'
      this.#part = 'body'
      this.#left = Number(length)
      this.isDone = this.#left === 0
    }
    return 'on'
  }

  #readSize(): Step {
    const line = this.#line()
    if (line === null) return this.#waitForLine()
    const size = Number.parseInt(CHUNK_SIZE.exec(line)?.[1] ?? '', 16)
    if (Number.isNaN(size)) return 'bad'
    this.#part = size === 0 ? 'trailers' : 'chunk'
    this.#left = size
    return 'on'
  }

  #readChunkEnd(): Step {
    const end = this.#unread.slice(0, CHUNK_END.length)
    if (!CHUNK_END.startsWith(end)) return 'bad'
    if (end.length < CHUNK_END.length) return 'wait'
    this.#unread = this.#unread.slice(end.length)
    this.#part = 'chunk size'
    return 'on'
  }

  #readTrailer(): Step {
    const line = this.#line()
    if (line === null) return this.#waitForLine()
    if (!line.endsWith('\r')) return 'bad'
    this.isDone = line === '\r'
    return this.isDone || headersOf([line.slice(0, -1)]) !== null ? 'on' : 'bad'
  }

  #skip(): Step {
    const taken = Math.min(this.#left, this.#unread.length)
    this.#unread = this.#unread.slice(taken)
    this.#left -= taken
    if (this.#left > 0) return 'wait'
    if (this.#part === 'chunk') this.#part = 'chunk end'
    else this.isDone = true
    return 'on'
  }

  #waitForLine(): Step {
    return this.#unread.length <= LINE_BYTES_MAX ? 'wait' : 'bad'
  }

  /** With the CR before its LF, where there is one. */
  #line(): string | null {
    const end = this.#unread.indexOf('\n')
    if (end === -1) return null
    const line = this.#unread.slice(0, end)
    this.#unread = this.#unread.slice(end + 1)
    return line
  }
}

/** By name in small letters; null where a line is none. */
function headersOf(lines: readonly string[]): ReadonlyMap<string, string> | null {
  const headers = new Map<string, string>()
  for (const line of lines) {
    const [, name, value] = HEADER.exec(line) ?? []
    if (name === undefined || value === undefined) return null
    headers.set(name.toLowerCase(), value)
  }
  return headers
}
