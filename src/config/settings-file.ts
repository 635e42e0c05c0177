// A configuration file: YAML or JSON, one document. Reading gives what it says, or one error that
// names file, line, field, what was found and what is expected.
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { LineCounter, parseDocument } from 'yaml'
import { HsError } from '../contracts/failure.ts'
import { documentProblems } from '../contracts/policy-problem.ts'
import { isSecretField, withoutUserInfo } from './secrets.ts'
import { type FileSettings, fileSchema, settingsJsonSchema } from './settings-schema.ts'
import { SETTINGS } from './settings-schema.ts'
import { fieldName, placeOfKey, placeOfPath, yamlProblems } from './yaml-place.ts'
import type { YamlText } from './yaml-place.ts'

const BYTES_MAX = 262_144

export interface SettingsFile {
  readonly path: string
  readonly settings: FileSettings
  /** Line of a field, from 1. */
  readonly lineOf: (key: string) => number
}

const SECRET_HINT =
  'a secret in this file would go wherever the file goes: put it into a file of its own and ' +
  'name that one'

/** Errors: HS_CONFIG. */
export function readSettingsFile(path: string): SettingsFile {
  return parseSettings(readText(path), path)
}

function readText(path: string): string {
  let bytes: Uint8Array
  try {
    bytes = readFileSync(path)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const fix = 'Name a configuration file with --config, or leave it out.'
    throw new HsError('HS_CONFIG', `${path} cannot be read: ${reason}`, { cause, fix })
  }
  if (bytes.length > BYTES_MAX)
    throw new HsError('HS_CONFIG', `${path} has ${bytes.length} bytes, at most ${BYTES_MAX}`)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new HsError('HS_CONFIG', `${path} is not a text in UTF-8`, { cause })
  }
}

/** Errors: HS_CONFIG with `file:line:column: field: found …, expected …` for each problem. */
export function parseSettings(text: string, path: string): SettingsFile {
  const lines = new LineCounter()
  const yaml: YamlText = { text, lines, document: parseYaml(text, lines, path) }
  const problems = yamlProblems(yaml).map(
    ({ place, found, expected }) =>
      `${path}:${place.line}:${place.column}: found ${found}, expected ${expected}`,
  )
  if (problems.length > 0) throw new HsError('HS_CONFIG', problems.join('\n'))
  const value: unknown = yaml.document.toJS() ?? {}
  const parsed = fileSchema.safeParse(value)
  if (!parsed.success) throw refusal(yaml, { path, value, issues: parsed.error.issues })
  const lineOf = (key: string): number => placeOfPath(yaml, key.split('.')).line
  return { path, settings: besideFile(parsed.data, dirname(path)), lineOf }
}

function parseYaml(text: string, lines: LineCounter, path: string): YamlText['document'] {
  try {
    return parseDocument(text, { lineCounter: lines, prettyErrors: false })
  } catch (cause) {
    throw new HsError('HS_CONFIG', `${path}: values nested too deeply`, { cause })
  }
}

interface Refused {
  readonly path: string
  readonly value: unknown
  readonly issues: Parameters<typeof documentProblems>[0]
}

function refusal(yaml: YamlText, { path: file, value, issues }: Refused): HsError {
  const problems = documentProblems(issues, withoutUsers(value), settingsJsonSchema())
  const said = problems.map(({ path, key, found, expected, hint }) => {
    const place = key === null ? placeOfPath(yaml, path) : placeOfKey(yaml, path, key)
    const why = key !== null && isSecretField(key) ? SECRET_HINT : hint
    const what = `${fieldName(path, key)}: found ${found}, expected ${expected}`
    return `${file}:${place.line}:${place.column}: ${what}${why === null ? '' : `; ${why}`}`
  })
  return new HsError('HS_CONFIG', said.join('\n'), { fix: 'Correct the file at the named place.' })
}

/** The value with users and passwords of URLs hidden, so that it can be shown. */
function withoutUsers(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_key, held: unknown) =>
    typeof held === 'string' ? withoutUserInfo(held) : held,
  )
}

/** Relative paths in a file are meant from where the file stands. */
function besideFile(settings: FileSettings, folder: string): FileSettings {
  const found = structuredClone(settings)
  for (const { key, isPath } of SETTINGS) {
    if (isPath !== true) continue
    const steps = key.split('.')
    const last = steps.pop() ?? ''
    const holder = steps.reduce<unknown>((at, step) => fieldOf(at, step), found)
    const value = fieldOf(holder, last)
    if (typeof value === 'string' && typeof holder === 'object' && holder !== null)
      Reflect.set(holder, last, resolve(folder, value))
  }
  return { ...found, ...agentBeside(found, folder), ...notifierBeside(found, folder) }
}

function agentBeside({ agent }: FileSettings, folder: string): Pick<FileSettings, 'agent'> {
  if (agent === undefined) return {}
  const instances = agent.instances.map((one) => {
    return { ...one, cwd: resolve(folder, one.cwd ?? '.') }
  })
  return { agent: { ...agent, stateDir: resolve(folder, agent.stateDir), instances } }
}

function notifierBeside(
  { notifier }: FileSettings,
  folder: string,
): Pick<FileSettings, 'notifier'> {
  if (notifier === undefined) return {}
  const sinks = notifier.sinks.map(({ path, tokenFile, ...one }) => ({
    ...one,
    ...(path === undefined ? {} : { path: resolve(folder, path) }),
    ...(tokenFile === undefined ? {} : { tokenFile: resolve(folder, tokenFile) }),
  }))
  return { notifier: { ...notifier, sinks } }
}

/** A field of a plain object, or undefined. */
export function fieldOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? Reflect.get(value, key)
    : undefined
}
