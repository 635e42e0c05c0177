// From settings to what the adapters are handed: brokers and registry with who we are there. Files
// that cannot be read are told here, with the setting that named them; the adapters read them again
// for every connection, so that certificates and secrets can be replaced while a process runs.
import { accessSync, constants } from 'node:fs'
import type { KafkaOptions, SaslOptions, TlsOptions } from '../../adapters/kafka/options.ts'
import type { RegistryAccess } from '../../adapters/serde/registry-http.ts'
import { readSecret } from '../../config/secrets.ts'
import type {
  KafkaSettings,
  ResolvedSettings,
  SaslSettings,
  TlsSettings,
} from '../../config/settings.ts'
import { HsError } from '../../contracts/failure.ts'
import type { Clock } from '../../runtime/ports.ts'

type Origin = ResolvedSettings['origin']

/** Errors: HS_CONFIG when no broker is named or a named file cannot be read. */
export function kafkaOptionsOf(
  { settings: { kafka }, origin }: ResolvedSettings,
  who: { readonly clock: Clock; readonly clientId?: string },
): KafkaOptions {
  if (kafka === null)
    throw new HsError('HS_CONFIG', 'no broker is named', {
      fix:
        'Name some with --brokers host:port,host:port, in HEALSTREAM_KAFKA_BROKERS, or as ' +
        'kafka.brokers in the file of --config.',
    })
  const { brokers, tls, sasl } = kafka
  for (const [key, path] of filesOf(kafka)) readable(key, path, origin)
  return {
    brokers,
    ...who,
    ...(tls === null ? {} : { tls: tlsOptions(tls) }),
    ...(sasl === null ? {} : { sasl: saslOptions(sasl) }),
  }
}

function* filesOf({ tls, sasl }: KafkaSettings): Generator<readonly [string, string]> {
  for (const name of ['caFile', 'certFile', 'keyFile'] as const) {
    const path = tls?.[name] ?? null
    if (path !== null) yield [`kafka.tls.${name}`, path]
  }
  if (sasl === null) return
  if (sasl.mechanism === 'OAUTHBEARER') yield ['kafka.sasl.tokenFile', sasl.tokenFile]
  else yield ['kafka.sasl.passwordFile', sasl.passwordFile]
}

/** Errors: HS_CONFIG naming the setting. */
export function readable(key: string, path: string, origin: Origin): void {
  try {
    accessSync(path, constants.R_OK)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const what = `${key} (${origin(key)}): the file cannot be read: ${reason}`
    throw new HsError('HS_CONFIG', what, { cause })
  }
}

export function tlsOptions({ caFile, certFile, keyFile }: TlsSettings): TlsOptions {
  return {
    ...(caFile === null ? {} : { caFile }),
    ...(certFile === null ? {} : { certFile }),
    ...(keyFile === null ? {} : { keyFile }),
  }
}

function saslOptions(sasl: SaslSettings): SaslOptions {
  if (sasl.mechanism === 'OAUTHBEARER')
    return { mechanism: sasl.mechanism, token: { file: sasl.tokenFile } }
  const { mechanism, username, passwordFile } = sasl
  return { mechanism, username, password: { file: passwordFile } }
}

/** null: no registry is named, ids are derived. Errors: HS_CONFIG for the password's file. */
export function registryAccessOf({
  settings: { registry },
  origin,
}: ResolvedSettings): RegistryAccess | null {
  if (registry === null) return null
  const { url, account } = registry
  if (account === null) return { url }
  const key = 'registry.passwordFile'
  const password = readSecret(account.passwordFile, `${key} (${origin(key)})`)
  return { url, account: { username: account.username, password } }
}
