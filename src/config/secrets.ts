// Secrets come from files alone. Arguments of a process can be read by every user of the machine,
// its environment by every process of the same user, by its children and in crash reports; a file
// has an owner and a mode. So a secret that comes another way is refused before anything uses it,
// and never shown.
import { readFileSync } from 'node:fs'
import { HsError } from '../contracts/failure.ts'

type Environment = Readonly<Record<string, string | undefined>>

const SECRET = /(?:^|[_-])(?:password|passwd|passphrase|secret|token)$/i

/** Variables that would hold a secret themselves, and the one to use instead. */
const VARIABLES: ReadonlyMap<string, string> = new Map(
  ['KAFKA_SASL_PASSWORD', 'KAFKA_SASL_TOKEN', 'REGISTRY_PASSWORD', 'REDIS_PASSWORD'].map((name) => [
    `HEALSTREAM_${name}`,
    `HEALSTREAM_${name}_FILE`,
  ]),
)

/** Errors: HS_CONFIG for an option that would hold a secret; its value is not repeated. */
export function refuseSecretArguments(argv: readonly string[]): void {
  for (const word of argv) {
    if (word === '--') return
    const name = /^--([\w-]+)/.exec(word)?.[1]
    if (name === undefined || !SECRET.test(name)) continue
    throw new HsError('HS_CONFIG', `--${name} would put a secret among the arguments`, {
      fix:
        'Every user of this machine can read the arguments of a process: write the secret into ' +
        `a file of yours and name that file in a variable that ends in _FILE, as in ` +
        `${[...VARIABLES.values()][0] ?? ''}.`,
    })
  }
}

/** Errors: HS_CONFIG for a variable that holds a secret; its value is not repeated. */
export function refuseSecretVariables(env: Environment): void {
  for (const [name, instead] of VARIABLES) {
    if (env[name] === undefined || env[name] === '') continue
    throw new HsError('HS_CONFIG', `${name} holds a secret in the environment`, {
      fix:
        'Children, crash reports and other processes of this user can read it: write the secret ' +
        `into a file that only you can read and name that file in ${instead}.`,
    })
  }
}

/** Whether a field of this name would hold a secret itself. */
export function isSecretField(name: string): boolean {
  return SECRET.test(name.replaceAll(/([a-z])([A-Z])/g, '$1_$2'))
}

/** A text as it may be shown: user and password of a URL are hidden. */
export function withoutUserInfo(text: string): string {
  return text.replace(/\/\/.*@/s, '//[hidden]@')
}

/**
 * What the file holds, without the line break at its end. `origin` names the setting in the error.
 * Errors: HS_CONFIG when it cannot be read or is empty.
 */
export function readSecret(path: string, origin: string): string {
  let text: string
  try {
    text = readFileSync(path, 'utf8').replace(/\r?\n$/, '')
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new HsError('HS_CONFIG', `${origin}: the file cannot be read: ${reason}`, { cause })
  }
  if (text === '') throw new HsError('HS_CONFIG', `${origin}: ${path} is empty`)
  return text
}
