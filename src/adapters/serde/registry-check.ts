// What CI and an operator ask of a registry: would it take our schemas (nothing is written), and
// take them now. Everything under FULL_TRANSITIVE, because a replay reads all history with any
// version.
import { ask, checkedUrl, fieldOf, refusal, type RegistryOptions } from './registry-http.ts'
import { RegistryClient, subjectOf } from './registry-ids.ts'
import type { SchemaFamily, SchemaVersion } from './schema-files.ts'

export const SCHEMA_LEVEL = 'FULL_TRANSITIVE'

/** One version of one schema as the registry sees it. */
export interface SchemaFinding {
  readonly subject: string
  /** As in schemas/history. */
  readonly version: number
  readonly state: 'registered' | 'new' | 'incompatible' | 'wrong_level'
  readonly id: number | null
  /** What the registry says, where it says something. */
  readonly detail: string | null
}

/** Nothing is registered. Errors: RegistryDown; HS_SCHEMA for a definite refusal, HS_CONFIG. */
export async function checkSchemas(
  families: readonly SchemaFamily[],
  given: RegistryOptions,
): Promise<readonly SchemaFinding[]> {
  const options = { ...given, url: checkedUrl(given.url) }
  const client = await RegistryClient.open(options)
  try {
    const findings: SchemaFinding[] = []
    for (const family of families) {
      const subject = subjectOf(options.prefix, family.kind)
      const level = await levelOf(options, subject)
      for (const version of family.versions) {
        const id = await client.find(subject, version)
        const found = { subject, version: version.number, id }
        const wrong = level === null || level === SCHEMA_LEVEL ? null : level
        if (wrong !== null)
          findings.push({ ...found, state: 'wrong_level', detail: `level is ${wrong}` })
        else if (id !== null) findings.push({ ...found, state: 'registered', detail: null })
        else findings.push({ ...found, ...(await compatible(options, subject, version)) })
      }
    }
    return findings
  } finally {
    client.close()
  }
}

/**
 * Registers every version, oldest first; what is there stays as it is.
 * Errors: RegistryDown; HS_SCHEMA when a schema or the level of a subject does not fit, HS_CONFIG.
 */
export async function registerSchemas(
  families: readonly SchemaFamily[],
  given: RegistryOptions,
): Promise<readonly (SchemaFinding & { readonly isNew: boolean })[]> {
  const options = { ...given, url: checkedUrl(given.url) }
  const client = await RegistryClient.open(options)
  try {
    const done: (SchemaFinding & { readonly isNew: boolean })[] = []
    for (const family of families) {
      const subject = subjectOf(options.prefix, family.kind)
      await settleLevel(options, subject)
      for (const version of family.versions) {
        const found = await client.find(subject, version)
        const id = found ?? (await client.register(subject, version))
        const state = 'registered' as const
        const isNew = found === null
        done.push({ subject, version: version.number, state, id, detail: null, isNew })
      }
    }
    return done
  } finally {
    client.close()
  }
}

/** The subject's level in capitals; null where it has none or does not exist. */
async function levelOf(options: RegistryOptions, subject: string): Promise<string | null> {
  const path = `/config/${encodeURIComponent(subject)}`
  const { status, body } = await ask(options, subject, { method: 'GET', path })
  if (status === 404) return null
  const level = fieldOf(body, 'compatibilityLevel') ?? fieldOf(body, 'compatibility')
  if (status !== 200 || typeof level !== 'string')
    throw refusal(options, subject, `status ${status} to a question for its compatibility level`)
  return level.toUpperCase()
}

/**
 * A subject without a level gets ours before its first schema, so that one that was cut off between
 * the two does not stay without; some servers know no level of a subject that does not exist yet,
 * there the registration sets it.
 */
async function settleLevel(options: RegistryOptions, subject: string): Promise<void> {
  const level = await levelOf(options, subject)
  if (level === SCHEMA_LEVEL) return
  // Apicurio answers with the level of all subjects where a subject has none.
  if (level !== null && level !== 'NONE')
    throw refusal(options, subject, `its level is ${level}, it must be ${SCHEMA_LEVEL}`)
  const path = `/config/${encodeURIComponent(subject)}`
  const body = { compatibility: SCHEMA_LEVEL }
  const { status } = await ask(options, subject, { method: 'PUT', path, body })
  if (status !== 200 && status !== 404)
    throw refusal(options, subject, `status ${status} to its compatibility level`)
}

async function compatible(
  options: RegistryOptions,
  subject: string,
  version: SchemaVersion,
): Promise<Pick<SchemaFinding, 'state' | 'detail'>> {
  const path = `/compatibility/subjects/${encodeURIComponent(subject)}/versions?verbose=true`
  const body = { schema: version.text }
  const { status, body: answer } = await ask(options, subject, { method: 'POST', path, body })
  if (status === 404) return { state: 'new', detail: null }
  const verdict = fieldOf(answer, 'is_compatible')
  if (typeof verdict !== 'boolean') {
    const said = fieldOf(answer, 'message')
    const what = typeof said === 'string' ? said : 'no verdict on compatibility'
    throw refusal(options, subject, `answers with status ${status}: ${what}`)
  }
  if (verdict) return { state: 'new', detail: null }
  // Confluent tells why in a list, Apicurio in one text.
  const messages = fieldOf(answer, 'messages')
  const why = Array.isArray(messages) ? messages.join('; ') : fieldOf(answer, 'reason')
  return { state: 'incompatible', detail: typeof why === 'string' && why !== '' ? why : null }
}
