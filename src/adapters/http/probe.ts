// One HTTP or TCP try on a connection of its own, with a time limit that covers connecting, the
// answer and its end. Tells refused, timed out, reset, bad status and bad answer apart (S0-02,
// S0-32). Redirects are never followed.
import { get, type IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import type { ProbeReason } from '../../contracts/records.ts'
import type { ProbeTarget, ProbeTry, TryOutcome } from '../../runtime/agent/probe.ts'
import type { Clock } from '../../runtime/ports.ts'

const STATUS_OK = 200
/** A health answer larger than this is judged by its status and cut off. */
const BODY_BYTES_MAX = 65_536

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
  return REASONS[code] ?? (code.startsWith('HPE_') ? 'bad_answer' : 'unreachable')
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
      timer.abort()
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

function readAnswer(response: IncomingMessage, finish: Finish): void {
  const status = response.statusCode ?? 0
  const verdict: ProbeReason = status === STATUS_OK ? 'ok' : 'bad_status'
  let bytes = 0
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > BODY_BYTES_MAX) finish(verdict, status)
  })
  response.on('end', () => finish(verdict, status))
  response.on('error', (error) => finish(reasonOf(error), status))
}

function httpTry(target: ProbeTarget, finish: Finish): () => void {
  const { host, port, path } = target
  const request = get({ host, port, path, agent: false, headers: { connection: 'close' } })
  request.on('response', (response) => readAnswer(response, finish))
  request.on('error', (error) => finish(reasonOf(error)))
  return () => {
    request.destroy()
  }
}

/**
 * What an open connection says. A try may be given the very port it is aimed at for its own end and
 * then reaches itself: nobody else listens there.
 */
export function reached(socket: Pick<Socket, 'localPort'>, port: number): ProbeReason {
  return socket.localPort === port ? 'refused' : 'ok'
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
