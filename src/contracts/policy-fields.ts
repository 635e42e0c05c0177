// Fields that documents of several kinds share: how durations, limits, names and selections are
// written. One file per kind uses them; `policy.ts` puts the kinds together.
import * as z from 'zod'
import { DURATION_PATTERN, parseDuration } from './duration.ts'
import { idProblem, policyName } from './ids.ts'
import type { PolicyName } from './ids.ts'
import { type DocumentProblem, documentProblems } from './policy-problem.ts'

export const POLICY_API_VERSION = 'healstream.io/v1'
const DURATION_MAX_MS = 7 * 86_400_000

/** What every document has. */
export interface Common {
  readonly name: PolicyName
  readonly labels: Readonly<Record<string, string>>
  /** Exact names, or `*` for every service; empty selects nothing. */
  readonly services: readonly string[]
}

/** Whether `service` is among the selected ones. */
export function selects(services: readonly string[], service: string): boolean {
  return services.includes('*') || services.includes(service)
}

const A_DURATION = 'a duration such as 5m, 90s or 250ms'
const durationMs = (scale: number = 1): z.ZodType<number, string> =>
  z
    .string(A_DURATION)
    .regex(DURATION_PATTERN, A_DURATION)
    .transform((text) => parseDuration(text) ?? 0)
    .refine((ms) => ms <= DURATION_MAX_MS, 'at most 7d')
    .transform((ms) => ms * scale)

/** A duration as text; gives milliseconds. */
export const duration: z.ZodType<number, string> = durationMs()
/** A limit in milliseconds (or `scale` parts of one), as a number or as a duration. */
const time = (scale: number): z.ZodType<number, number | string> =>
  z.union([
    z
      .number()
      .int()
      .min(0)
      .max(DURATION_MAX_MS * scale),
    durationMs(scale),
  ])
/** A limit in milliseconds. */
export const ms: z.ZodType<number, number | string> = time(1)
/** A limit in microseconds. */
export const us: z.ZodType<number, number | string> = time(1_000)
export const share: z.ZodNumber = z.number().min(0).max(1)
export const count: z.ZodNumber = z.number().int().min(1).max(1_000_000_000)

export const id: z.ZodString = z.string().superRefine((text, context) => {
  const problem = idProblem(text)
  if (problem !== null) context.addIssue(`an id, but this one ${problem}`)
})
const labels: z.ZodDefault<z.ZodRecord<z.ZodString, z.ZodString>> = z
  .record(id, z.string().max(256))
  .default({})
export const metadata: z.ZodObject<{ name: typeof id; labels: typeof labels }, z.core.$strict> =
  z.strictObject({ name: id, labels })
export const services: z.ZodArray<typeof id> = z.array(id).max(256)
export const match: z.ZodObject<{ services: typeof services }, z.core.$strict> = z.strictObject({
  services,
})
export const apiVersion: z.ZodLiteral<typeof POLICY_API_VERSION> = z.literal(POLICY_API_VERSION)

/** The fields that are there. */
export function given<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const kept: { [K in keyof T]?: Exclude<T[K], undefined> } = {}
  for (const key in fields) {
    const value = fields[key]
    if (isGiven(value)) kept[key] = value
  }
  return kept
}

function isGiven<T>(value: T): value is Exclude<T, undefined> {
  return value !== undefined
}

export function headOf(data: { metadata: z.output<typeof metadata> }): Omit<Common, 'services'> {
  return { name: policyName(data.metadata.name), labels: data.metadata.labels }
}

export type Parsed<T> =
  | { readonly ok: true; readonly document: T }
  | { readonly ok: false; readonly problems: readonly DocumentProblem[] }

/** One kind of document: how a plain value becomes one, and its JSON Schema (2020-12). */
export interface Kind<T> {
  parse(value: unknown, defaultName: string): Parsed<T>
  jsonSchema(): unknown
}

/** `documentOf`: the document of what the schema gave; `defaultName` names one without a name. */
export function kindOf<S extends z.ZodType, T>(
  schema: S,
  documentOf: (data: z.output<S>, defaultName: string) => T,
): Kind<T> {
  const jsonSchema = (): unknown => z.toJSONSchema(schema, { io: 'input' })
  return {
    jsonSchema,
    parse: (value, defaultName) => {
      const found = schema.safeParse(value)
      if (found.success) return { ok: true, document: documentOf(found.data, defaultName) }
      return { ok: false, problems: documentProblems(found.error.issues, value, jsonSchema()) }
    },
  }
}
