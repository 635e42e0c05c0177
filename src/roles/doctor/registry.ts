// The schema registry: does it answer, and would it give us the ids of our schemas?
import { checkSchemas, type SchemaFinding } from '../../adapters/serde/registry-check.ts'
import { type RegistryAccess, RegistryDown } from '../../adapters/serde/registry-http.ts'
import { loadSchemas } from '../../adapters/serde/schema-files.ts'
import { HsError } from '../../contracts/failure.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

const DEADLINE_MS = 5_000
const REGISTER = 'Run `healstream schemas register` with an account that may write.'

/** Nothing is registered. */
export async function checkRegistry(
  access: RegistryAccess,
  prefix: string,
): Promise<readonly Finding[]> {
  try {
    const found = await checkSchemas(loadSchemas(), { ...access, prefix, deadlineMs: DEADLINE_MS })
    return schemaFindings(access.url, found)
  } catch (error) {
    if (error instanceof RegistryDown) {
      const fix = 'Start it, or correct its address; until then ids come from the cache alone.'
      return [fail('registry', error.message, fix)]
    }
    if (error instanceof HsError) return [fail('registry', error.message, error.fix)]
    throw error
  }
}

function schemaFindings(url: string, found: readonly SchemaFinding[]): readonly Finding[] {
  const named = (state: SchemaFinding['state']): string =>
    found
      .filter((one) => one.state === state)
      .map(({ subject, version }) => `${subject} ${version}`)
      .join(', ')
  const findings: Finding[] = []
  const [fresh, wrong, level] = [named('new'), named('incompatible'), named('wrong_level')]
  if (fresh !== '') findings.push(warn('registry', `not registered yet: ${fresh}`, REGISTER))
  if (wrong !== '') {
    const fix = 'Schemas of somebody else are under these subjects: use another --prefix.'
    findings.push(fail('registry', `would be refused: ${wrong}`, fix))
  }
  if (level !== '') {
    const fix = 'Set the compatibility of these subjects to FULL_TRANSITIVE.'
    findings.push(fail('registry', `another compatibility level: ${level}`, fix))
  }
  return findings.length > 0
    ? findings
    : [ok('registry', `${url} has all ${found.length} versions of our schemas`)]
}
