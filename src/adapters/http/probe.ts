// One HTTP or TCP try on a connection of its own, with a time limit that covers connecting, the
// answer and its end. Tells refused, timed out, reset, bad status and bad answer apart (S0-02,
// S0-32). Redirects are never followed.
import { connect, isIP, type Socket } from 'node:net'
import type { ProbeReason } from '../../contracts/records.ts'
import type { ProbeTarget, ProbeTry, TryOutcome } from '../../runtime/agent/probe.ts'
import type { Clock } from '../../runtime/ports.ts'
import { AnswerReader } from './answer-reader.ts'

const STATUS_OK = 200
/** A health answer larger than this is judged by its status and cut off. */
const BODY_BYTES_MAX = 65_536
/** What a request line can carry. */
const PATH = /^\/[\x21-\x7e]*$/
/** An end that nobody waits for: an error with a stack costs more than the timer it ends. */
const OVER = 'over'

const REASONS: Readonly<Record<string, ProbeReason>> = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  ETIMEDOUT: 'timeout',
  EMFILE: 'unavailable',
  ENFILE: 'unavailable',
  ENOMEM: 'unavailable',
  ENOBUFS: 'unavailable',
  EADDRNOTAVAIL: 'unavailable',
}

/** What an error of a try says about the instance. */
export function reasonOf(error: unknown): ProbeReason {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return REASONS[code] ?? 'unreachable'
}

type Finish = (reason: ProbeReason, status?: number) => void

/**
 * Runs `begin` against the clock; the first `finish` counts, then the returned function cleans up.
 */
function timed(
  clock: Clock,
  timeoutMs: number,
  begin: (finish: Finish) => () => void,
): Promise<TryOutcome> {
  const startedMs = clock.monotonicMs()
  return new Promise((resolve) => {
    const timer = new AbortController()
    let done = false
    let cleanUp: () => void = () => undefined
    const finish: Finish = (reason, status) => {
      if (done) return
      done = true
      timer.abort(OVER)
      cleanUp()
      const latencyUs = Math.round((clock.monotonicMs() - startedMs) * 1000)
      resolve({ reason, latencyUs, status: status ?? null })
    }
    clock.sleep(timeoutMs, timer.signal).then(
      () => finish('timeout'),
      () => undefined,
    )
    try {
      cleanUp = begin(finish)
    } catch {
      // A target no request can be made of: our defect, and no word about the instance.
      finish('unavailable')
    }
  })
}

type Ends = Pick<Socket, 'localPort' | 'localAddress' | 'remoteAddress'>

/**
 * What an open connection says. A try may be given the very port it is aimed at for its own end and
 * then reaches itself: nobody else listens there.
 */
export function reached(
  { localPort, localAddress, remoteAddress }: Ends,
  port: number,
): ProbeReason {
  return localPort === port && localAddress === remoteAddress ? 'refused' : 'ok'
}

function httpTry({ host, port, path }: ProbeTarget, finish: Finish): () => void {
  if (!PATH.test(path)) throw new TypeError('a request line is made of a path without spaces')
  const answer = new AnswerReader()
  const tell = (): void => {
    const status = answer.status ?? 0
    finish(status === STATUS_OK ? 'ok' : 'bad_status', status)
  }
  const socket = connect({ host, port })
  socket.on('connect', () => {
    if (reached(socket, port) === 'refused') finish('refused')
  })
  socket.on('data', (bytes: Buffer) => {
    if (!answer.push(bytes)) finish('bad_answer')
    else if (answer.isDone || answer.bodyBytes > BODY_BYTES_MAX) tell()
  })
  socket.on('end', () => (answer.end() ? tell() : finish('reset')))
  socket.on('error', (error) => finish(reasonOf(error), answer.status ?? undefined))
  const name = isIP(host) === 6 ? `[${host}]` : host
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${name}:${port}\r\nConnection: close\r\n\r\n`)
  return () => {
    socket.destroy()
  }
}

function tcpTry(target: ProbeTarget, finish: Finish): () => void {
  const socket = connect({ host: target.host, port: target.port })
  socket.on('connect', () => finish(reached(socket, target.port)))
  socket.on('error', (error) => finish(reasonOf(error)))
  return () => {
    socket.destroy()
  }
}

/** Tries over HTTP or TCP, as the target says. */
export function networkProbe(clock: Clock): ProbeTry {
  return (target, timeoutMs) =>
    timed(clock, timeoutMs, (finish) =>
      target.protocol === 'http' ? httpTry(target, finish) : tcpTry(target, finish),
    )
}
