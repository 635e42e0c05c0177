// Why an address does not answer, in words, and what to do about it.
import type { Answer, Inspector } from '../../adapters/kafka/inspect.ts'
import { LogError } from '../../runtime/log-error.ts'

/** What asking one address came to. */
export type Reached =
  | { readonly address: string; readonly answer: Answer }
  | { readonly address: string; readonly error: LogError }

/** Errors: what is no failure to reach. */
export async function reach(inspector: Inspector, address: string): Promise<Reached> {
  try {
    return { address, answer: await inspector.ask(address) }
  } catch (error) {
    if (error instanceof LogError) return { address, error }
    throw error
  }
}

interface Reason {
  readonly why: string
  readonly fix: string
}

const BY_CODE: Readonly<Record<string, Reason>> = {
  ENOTFOUND: {
    why: 'the host name is not known here',
    fix: 'Correct the name, or make it known to the DNS (or /etc/hosts) of this machine.',
  },
  EAI_AGAIN: {
    why: 'the host name could not be looked up now',
    fix: 'Look whether the DNS of this machine works, and correct the name if it is wrong.',
  },
  ECONNREFUSED: {
    why: 'nothing listens there',
    fix: 'Start the broker, or name the port of its listener for clients.',
  },
  EHOSTUNREACH: { why: 'no route leads there', fix: 'Look at routes and firewalls in between.' },
  ENETUNREACH: { why: 'no route leads there', fix: 'Look at routes and firewalls in between.' },
  ECONNRESET: {
    why: 'the connection was cut before an answer came',
    fix: 'Look whether this is a listener for clients, and whether it wants TLS.',
  },
}

const SILENT: Reason = {
  why: 'no answer came in time',
  fix: 'Look at firewalls, and whether this port is a listener for clients (and wants TLS).',
}

/** `HOST:PORT does not answer: …`, or what the broker refused. */
export function failureOf({ address, error }: Extract<Reached, { error: LogError }>): string {
  const { why } = reasonOf(error)
  return why.includes(address) ? why : `${address} does not answer: ${why}`
}

/** Reason of a failed dial; codes of the system lie somewhere in the chain of causes. */
export function reasonOf(error: LogError): Reason {
  if (error.code === 'NOT_AUTHORIZED')
    return {
      why: error.message,
      fix: 'Correct TLS files, SASL mechanism, user or password of this client as said.',
    }
  for (const cause of causesOf(error)) {
    const code = 'code' in cause ? BY_CODE[String(cause.code)] : undefined
    if (code !== undefined) return code
  }
  return error.code === 'UNAVAILABLE' ? { ...SILENT, why: error.message } : SILENT
}

function* causesOf(error: Error): Generator<Error> {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) yield cause
}
