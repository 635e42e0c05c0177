// Files of policy tests, in the shape of promtool's: an interval, series of samples for each fact
// of each instance, and what a policy does at which time.
import { isScalar, LineCounter, parseDocument } from 'yaml'
import * as z from 'zod'
import { duration, id } from '../../contracts/policy-fields.ts'
import { mode } from '../../contracts/policy-trigger.ts'
import { documentProblems } from '../../contracts/policy-problem.ts'
import { FACTS, type FactName, isFact } from '../../core/decision/fact-table.ts'
import type { Mode } from '../../contracts/records.ts'
import type { PolicyFinding } from '../../config/policy-file.ts'
import { expandSeries, type Sample } from './series.ts'
import {
  fieldName,
  placeOfKey,
  placeOfPath,
  type YamlText,
  yamlProblems,
} from '../../config/yaml-place.ts'

/** Counted from the instances that are there, not told. */
const COUNTED = /^(?:service|instance|service_.*|.*_sick_share|metrics)$/

const expectation = z.strictObject({
  at: duration,
  instance: id,
  policy: id,
  matches: z.boolean().optional(),
  acts: z.boolean().optional(),
  actions: z.number().int().min(0).optional(),
  guard: z.string().nullable().optional(),
  clauses: z.record(z.string(), z.boolean()).optional(),
})

const one = z.strictObject({
  name: z.string().min(1),
  service: id.default('shop'),
  mode: mode.default('enforce'),
  others: z.number().int().min(0).max(100).default(2),
  answer: z.enum(['succeeded', 'failed', 'none']).default('succeeded'),
  inputSeries: z
    .array(z.strictObject({ instance: id, fact: z.string(), values: z.string().min(1) }))
    .max(256),
  expect: z.array(expectation).min(1).max(1_000),
})

const file = z.strictObject({
  policies: z.array(z.string().min(1)).min(1).max(64),
  interval: duration.default(1_000),
  tests: z.array(one).min(1).max(1_000),
})

/** What is expected of a policy at an instance; what is absent may be anything. */
export interface Expectation {
  /** Milliseconds after the first sample. */
  readonly at: number
  readonly instance: string
  readonly policy: string
  /** Its trigger has held for long enough. */
  readonly matches?: boolean | undefined
  /** It acts between the sample before and this one. */
  readonly acts?: boolean | undefined
  /** It has acted so often since the first sample. */
  readonly actions?: number | undefined
  /** The first guard that refuses now; null: none does. */
  readonly guard?: string | null | undefined
  /** By text of the clause: whether it holds. */
  readonly clauses?: Readonly<Record<string, boolean>> | undefined
}

export interface Series {
  readonly instance: string
  /** A fact, or the name of a metric of one's own. */
  readonly fact: FactName | null
  readonly metric: string | null
  readonly samples: readonly Sample[]
}

export interface PolicyTest {
  readonly name: string
  readonly service: string
  /** Rung on which its policies are tried. */
  readonly mode: Mode
  /** Healthy instances beside those of the series. */
  readonly others: number
  /** What agents say of commands. */
  readonly answer: 'succeeded' | 'failed' | 'none'
  readonly expect: readonly Expectation[]
  readonly series: readonly Series[]
  readonly line: number
}

export interface PolicyTestFile {
  readonly file: string
  /** Files of policies, as they are written: relative to the file of tests. */
  readonly policies: readonly string[]
  readonly intervalMs: number
  readonly tests: readonly PolicyTest[]
}

export type ReadTests =
  | { readonly ok: true; readonly tests: PolicyTestFile }
  | { readonly ok: false; readonly findings: readonly PolicyFinding[] }

/** Never throws for what a person wrote. */
export function readPolicyTests(text: string, name: string): ReadTests {
  const lines = new LineCounter()
  const yaml: YamlText = { text, lines, document: parseDocument(text, { lineCounter: lines }) }
  const findings: PolicyFinding[] = []
  const say = (path: readonly (string | number)[], found: string, expected: string): void => {
    const place = placeOfPath(yaml, path)
    const at = { severity: 'error' as const, file: name, ...place, field: fieldName(path) }
    findings.push({ ...at, found, expected, hint: null })
  }
  for (const { place, found, expected } of yamlProblems(yaml)) {
    const at = { severity: 'error' as const, file: name, ...place, field: '' }
    findings.push({ ...at, found, expected, hint: null })
  }
  if (findings.length > 0) return { ok: false, findings }
  if (isScalar(yaml.document.contents) || yaml.document.contents === null) {
    say([], 'no tests', 'a file of policy tests')
    return { ok: false, findings }
  }
  const value: unknown = yaml.document.toJS()
  const parsed = file.safeParse(value)
  if (!parsed.success) {
    const schema = z.toJSONSchema(file, { io: 'input' })
    for (const { path, key, ...rest } of documentProblems(parsed.error.issues, value, schema)) {
      const place = key === null ? placeOfPath(yaml, path) : placeOfKey(yaml, path, key)
      const field = fieldName(path, key)
      findings.push({ severity: 'error', file: name, ...place, field, ...rest })
    }
    return { ok: false, findings }
  }
  const { data } = parsed
  const tests = data.tests.map(({ inputSeries, ...rest }, i) => ({
    ...rest,
    line: placeOfPath(yaml, ['tests', i]).line,
    series: inputSeries.flatMap((series, k) =>
      seriesOf(series, ['tests', i, 'inputSeries', k], say),
    ),
  }))
  if (findings.length > 0) return { ok: false, findings }
  const { policies, interval: intervalMs } = data
  return { ok: true, tests: { file: name, policies, intervalMs, tests } }
}

type Say = (path: readonly (string | number)[], found: string, expected: string) => void

function seriesOf(
  written: { readonly instance: string; readonly fact: string; readonly values: string },
  path: readonly (string | number)[],
  say: Say,
): readonly Series[] {
  const { instance, fact: name, values } = written
  const metric = /^metrics\.(.+)$/.exec(name)?.[1] ?? null
  const fact = isFact(name) ? name : null
  if (metric === null && (fact === null || COUNTED.test(fact))) {
    say([...path, 'fact'], JSON.stringify(name), 'a fact that can be told, or metrics.NAME')
    return []
  }
  const expanded = expandSeries(values)
  if (!expanded.ok) {
    say([...path, 'values'], expanded.problem, 'samples such as 0x10 0.6x300')
    return []
  }
  const wrong = expanded.samples.find((sample) => sample !== null && !isOf(sample, fact))
  if (wrong !== undefined) {
    const type = fact === null ? 'double' : FACTS[fact].type
    say([...path, 'values'], JSON.stringify(wrong), `samples of type ${type}`)
    return []
  }
  return [{ instance, fact, metric, samples: expanded.samples }]
}

function isOf(sample: Sample, fact: FactName | null): boolean {
  const type = fact === null ? 'double' : FACTS[fact].type
  if (Array.isArray(sample)) return type === 'list<string>'
  const types = { number: 'double', string: 'string', boolean: 'bool' } as const
  const own = typeof sample
  if (own !== 'number' && own !== 'string' && own !== 'boolean') return false
  const { values } = fact === null ? {} : FACTS[fact]
  return types[own] === type && (values === undefined || values.includes(String(sample)))
}
