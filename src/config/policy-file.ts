// Files of policy documents: YAML or JSON, several documents in one. Reading never throws for what
// a person wrote: it gives the documents that are right, and of the others what was found, what is
// expected, and where.
import { createHash } from 'node:crypto'
import { basename } from 'node:path'
import { type Document, isScalar, LineCounter, parseAllDocuments } from 'yaml'
import type { HealPolicy } from '../contracts/heal-policy.ts'
import { type ParsedPolicy, parsePolicy, type PolicyDocument } from '../contracts/policy.ts'
import type { DocumentProblem } from '../contracts/policy-problem.ts'
import { idProblem } from '../contracts/ids.ts'
import type { PolicyRecord } from '../contracts/records.ts'
import { checkSet } from '../core/decision/policy-set.ts'
import { type PlanProblem, planProblem } from '../core/decision/plan-lint.ts'
import { lintPolicy } from '../core/decision/trigger-lint.ts'
import { canonicalJson } from '../contracts/canonical-json.ts'
import { lintDocuments } from './policy-lint.ts'
import { alertPoliciesOf, type Path, type Written } from './prometheus-rules.ts'
import { fieldName, type Place, placeInText, placeOfKey, placeOfPath } from './yaml-place.ts'
import { type YamlText, yamlProblems } from './yaml-place.ts'

export const POLICY_FILE_BYTES_MAX = 262_144
const DOCUMENTS_MAX = 256

/** One thing to say about a file; an error keeps its document out. */
export interface PolicyFinding extends Place {
  readonly severity: 'error' | 'warning'
  readonly file: string
  /** Path of the field, as `spec.match.services[0]`; empty for the file as a whole. */
  readonly field: string
  readonly found: string
  readonly expected: string
  readonly hint: string | null
}

export interface LoadedPolicy {
  readonly document: PolicyDocument
  /** The document as written, in canonical JSON (RFC 8785). */
  readonly canonical: string
  /** SHA-256 of `canonical`, hex. */
  readonly sha256: string
  /** Where it begins in its file. */
  readonly place: Place
}

export interface PolicyFile {
  readonly policies: readonly LoadedPolicy[]
  readonly findings: readonly PolicyFinding[]
}

/** `file:line:column: severity: field: found …, expected …; hint`. */
export function formatFinding(finding: PolicyFinding): string {
  const { file, line, column, severity, field, found, expected, hint } = finding
  const where = `${file}:${line}:${column}: ${severity}: `
  const what = `${field === '' ? '' : `${field}: `}found ${found}, expected ${expected}`
  return `${where}${what}${hint === null ? '' : `; ${hint}`}`
}

/** The JSON of S0-41, without kind and spec. */
function isBare(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, 'trigger')
}

class Reader {
  readonly findings: PolicyFinding[] = []
  readonly policies: LoadedPolicy[] = []
  readonly places = new Map<PolicyDocument, YamlText>()
  private readonly file: string

  constructor(file: string) {
    this.file = file
  }

  say(place: Place, finding: Omit<PolicyFinding, 'file' | 'line' | 'column'>): void {
    this.findings.push({ ...finding, file: this.file, line: place.line, column: place.column })
  }

  whole(found: string, expected: string): void {
    const field = ''
    this.say({ line: 1, column: 1 }, { severity: 'error', field, found, expected, hint: null })
  }

  decode(input: string | Uint8Array): string | null {
    const bytes = typeof input === 'string' ? Buffer.byteLength(input) : input.length
    if (bytes > POLICY_FILE_BYTES_MAX) {
      this.whole(`${bytes} bytes`, `at most ${POLICY_FILE_BYTES_MAX}`)
      return null
    }
    if (typeof input === 'string') return input
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(input)
    } catch {
      this.whole('bytes that are not UTF-8', 'a text in UTF-8')
      return null
    }
  }

  parse(text: string): void {
    const lines = new LineCounter()
    let documents: readonly Document.Parsed[]
    try {
      const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false })
      documents = Array.isArray(parsed) ? parsed : []
    } catch {
      this.whole('values nested too deeply', 'a policy document')
      return
    }
    const filled = documents.filter(({ contents, errors }) => {
      const isNull = contents === null || (isScalar(contents) && contents.value === null)
      return !isNull || errors.length > 0
    })
    if (filled.length === 0) this.whole('no document', 'at least one policy document')
    if (filled.length > DOCUMENTS_MAX) {
      this.whole(`${filled.length} documents`, `at most ${DOCUMENTS_MAX}`)
      return
    }
    for (const document of filled) this.document({ text, lines, document })
  }

  private document(yaml: YamlText): void {
    if (!this.syntax(yaml)) return
    let written: readonly Written[]
    try {
      const value: unknown = yaml.document.toJS()
      const whole = { value, canonical: canonicalJson(value), of: (path: Path) => path }
      written = alertPoliciesOf(value) ?? [whole]
    } catch (error) {
      const why = error instanceof Error ? error.message : 'something else'
      this.error(yaml, [], { found: why, expected: 'values that JSON can say' })
      return
    }
    for (const one of written) this.one(yaml, one)
  }

  private one(yaml: YamlText, { value, canonical, of }: Written): void {
    const parsed: ParsedPolicy = parsePolicy(value, this.stem())
    if (!parsed.ok) {
      for (const problem of parsed.problems)
        this.problem(yaml, { ...problem, path: of(problem.path) })
      return
    }
    if (!this.trigger(yaml, parsed.document, value)) return
    if (!this.plan(yaml, parsed.document, value)) return
    if (isBare(value) && !Object.hasOwn(value, 'name')) {
      const found = `no name, so that of the file is taken: ${JSON.stringify(this.stem())}`
      const hint = 'add "name", so that a later version replaces this one'
      const severity = 'warning'
      this.say(placeOfPath(yaml, []), { severity, field: 'name', found, expected: 'a name', hint })
    }
    const { document } = parsed
    const twin = this.policies.find(
      (other) => other.document.kind === document.kind && other.document.name === document.name,
    )
    if (twin !== undefined) {
      const expected = 'one document of a kind and name'
      this.error(yaml, of(['metadata', 'name']), { found: JSON.stringify(document.name), expected })
      return
    }
    this.places.set(document, yaml)
    const sha256 = createHash('sha256').update(canonical).digest('hex')
    this.policies.push({ document, canonical, sha256, place: placeOfPath(yaml, []) })
  }

  private stem(): string {
    const stem = basename(this.file).replace(/[.][^.]*$/, '')
    return idProblem(stem) === null ? stem : 'heal-policy'
  }

  /** Errors of YAML itself, and what of YAML is not used here. */
  private syntax(yaml: YamlText): boolean {
    const problems = yamlProblems(yaml)
    for (const { place, found, expected } of problems)
      this.say(place, { severity: 'error', field: '', found, expected, hint: null })
    return problems.length === 0
  }

  private error(
    yaml: YamlText,
    path: readonly (string | number)[],
    what: { found: string; expected: string },
  ): void {
    const field = fieldName(path)
    this.say(placeOfPath(yaml, path), { severity: 'error', field, hint: null, ...what })
  }

  private problem(yaml: YamlText, problem: DocumentProblem): void {
    const { path, key, found, expected, hint, inner } = problem
    const at = inner === undefined ? placeOfPath(yaml, path) : placeInText(yaml, path, inner)
    const place = key === null ? at : placeOfKey(yaml, path, key)
    this.say(place, { severity: 'error', field: fieldName(path, key), found, expected, hint })
  }

  private trigger(yaml: YamlText, document: PolicyDocument, value: unknown): boolean {
    if (document.kind !== 'HealPolicy') return true
    const { problem, warnings } = lintPolicy(document)
    const all = problem === null ? warnings : [problem]
    for (const { message, start, end, hint, clause } of all) {
      const path = triggerPath(document, isBare(value), clause)
      const text = document.composite?.clauses[clause ?? 0] ?? document.trigger
      const part = text.slice(start, end)
      this.say(placeInText(yaml, path, start), {
        severity: problem === null ? 'warning' : 'error',
        field: fieldName(path),
        found: `${part === '' ? 'the end' : JSON.stringify(part)} (${message})`,
        expected: problem === null ? 'a trigger that can tell sick from well' : 'a CEL condition',
        hint,
      })
    }
    return problem === null
  }

  private plan(yaml: YamlText, document: PolicyDocument, value: unknown): boolean {
    const problem = document.kind === 'HealPolicy' ? planProblem(document.plan) : null
    if (problem === null) return true
    const { text, start, end, message, hint, field } = problem
    const path = planPath(Object(value), problem)
    const part = text.slice(start, end)
    this.say(placeInText(yaml, path, start), {
      severity: 'error',
      field: fieldName(path),
      found: `${part === '' ? 'the end' : JSON.stringify(part)} (${message})`,
      expected: field === 'gate' ? 'a CEL condition' : 'a fact that is a number',
      hint,
    })
    return false
  }
}

/** Where a field of a step was written; a policy with one action has no ladder. */
function planPath(value: object, { rung, step, field }: PlanProblem): Path {
  const { spec, ladder } = { spec: null, ladder: null, ...value }
  const top = isBare(value) ? [] : ['spec']
  const written: unknown = isBare(value) ? ladder : { ladder: null, ...Object(spec) }.ladder
  const own = field === 'gate' ? ['gate'] : ['args', 'metric']
  if (!Array.isArray(written)) return [...top, ...own]
  const hasSteps = Object.hasOwn(Object(written[rung]), 'steps')
  return [...top, 'ladder', rung, ...(hasSteps ? ['steps', step] : []), ...own]
}

function triggerPath(
  { composite }: HealPolicy,
  bare: boolean,
  clause: number = 0,
): readonly (string | number)[] {
  if (bare) return ['trigger']
  if (composite === null) return ['spec', 'trigger']
  return ['spec', 'trigger', composite.how, clause, 'when']
}

/** Reads a file of policies. Bytes are taken as UTF-8. */
export function readPolicies(input: string | Uint8Array, file: string): PolicyFile {
  const reader = new Reader(file)
  const text = reader.decode(input)
  if (text !== null) reader.parse(text)
  const documents = reader.policies.map(({ document }) => document)
  for (const { document, path, ...rest } of lintDocuments(documents)) {
    const yaml = reader.places.get(document)
    if (yaml === undefined) continue
    reader.say(placeOfPath(yaml, path), { severity: 'warning', field: fieldName(path), ...rest })
  }
  const { policies } = reader
  reader.findings.push(...setFindings([{ file, policies }]))
  const findings = reader.findings.sort((a, b) => a.line - b.line || a.column - b.column)
  return { policies, findings }
}

/**
 * What is to be said of policies together: those of several files, and those in force that none of
 * the files replaces. Each finding stands at the policy of a file that is to be changed; what
 * stands in one file alone is found when it is read.
 */
export function setFindings(
  files: readonly { readonly file: string; readonly policies: readonly LoadedPolicy[] }[],
  inForce: readonly HealPolicy[] = [],
): readonly PolicyFinding[] {
  const places = new Map<string, { readonly file: string; readonly place: Place }>()
  const policies: HealPolicy[] = []
  for (const { file, policies: loaded } of files) {
    for (const { document, place } of loaded) {
      if (document.kind !== 'HealPolicy') continue
      places.set(document.name, { file, place })
      policies.push(document)
    }
  }
  const others = inForce.filter(({ name }) => !places.has(name))
  return checkSet([...others, ...policies]).flatMap(({ names, ...problem }): PolicyFinding[] => {
    const found = names.map((name) => places.get(name))
    const at = found.findLast((place) => place !== undefined)
    const isOneFile = found.every((place) => place !== undefined && place.file === at?.file)
    if (at === undefined || (isOneFile && files.length + inForce.length > 1)) return []
    return [{ ...problem, file: at.file, ...at.place, field: '' }]
  })
}

/**
 * Everything there is to say about a file: errors and warnings, in the order of their places.
 */
export function lintPolicies(input: string | Uint8Array, file: string): readonly PolicyFinding[] {
  return readPolicies(input, file).findings
}

/** The record that brings a document into force. `version` must be above the one in force. */
export function policyRecord(
  policy: LoadedPolicy,
  applied: { version: number; author: string; atMs: number; comment: string | null },
): PolicyRecord {
  return {
    name: policy.document.name,
    kind: policy.document.kind,
    version: applied.version,
    deleted: false,
    document: policy.canonical,
    sha256: policy.sha256,
    author: applied.author,
    at_ms: applied.atMs,
    comment: applied.comment,
  }
}
