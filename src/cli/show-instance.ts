// `explain INSTANCE`: what is judged of it, and the six stages of its health score (S3-14, S3-15),
// each made from the one before.
import { printable } from '../contracts/printable.ts'
import type { HealthScore } from '../contracts/records.ts'
import type { InstanceView } from '../roles/projector/views.ts'
import { clockTime, table } from './table.ts'
import type { Terminal } from './terminal.ts'

type Values = Readonly<Record<string, number>>

/** In order; `collect`: null = not measured. */
export interface ScoreStagesView {
  readonly at_ms: number
  readonly collect: Readonly<Record<string, number | null>>
  readonly normalise: Values
  /** Points taken off. */
  readonly weigh: Values
  readonly weights: Values
  readonly score: number
  readonly compare: { readonly warning: number; readonly below: boolean }
  readonly output: 'ok' | 'warning'
}

export function scoreStages({ score, warning, at_ms, indicators }: HealthScore): ScoreStagesView {
  const each = <T>(one: (indicator: HealthScore['indicators'][number]) => T): Record<string, T> =>
    Object.fromEntries(indicators.map((indicator) => [indicator.name, one(indicator)]))
  const below = score < warning
  return {
    at_ms,
    collect: each(({ value }) => value),
    normalise: each(({ value }) => value ?? 0),
    weigh: each(({ value, weight }) => weight * (value ?? 0)),
    weights: each(({ weight }) => weight),
    score,
    compare: { warning, below },
    output: below ? 'warning' : 'ok',
  }
}

/** The document of `-o json`. */
export function explained(view: InstanceView): object {
  return { ...view, score: view.score === null ? null : scoreStages(view.score) }
}

export function instanceLines(view: InstanceView, paint: Terminal['paint']): readonly string[] {
  const { service, instance, health, reason, routable, guard, lifecycle, link, signals } = view
  const named = signals.length === 0 ? 'none' : signals.join(', ')
  const kept = guard === null ? '' : ` (${guard})`
  return [
    paint('bold', printable(`${service}/${instance}, incarnation ${view.incarnation}`)),
    printable(`health     ${health}: ${reason}`),
    printable(`routable   ${routable ? 'yes' : 'no'}${kept}`),
    `lifecycle  ${lifecycle}, ${link}`,
    printable(`signals    ${named}`),
    ...scoreLines(view.score),
  ]
}

function scoreLines(record: HealthScore | null): readonly string[] {
  if (record === null) return ['score      none: nothing it is made of is told']
  const { at_ms, collect, normalise, weigh, weights, score, compare, output } = scoreStages(record)
  const rows = Object.entries(weigh).map(([name, points]) => ({ name, points }))
  const sum = rows.map(({ points }) => `- ${figure(points)}`).join(' ')
  return [
    `score      ${figure(score)} of 100, made at ${clockTime(at_ms)}`,
    '',
    ...table(rows, [
      { head: 'INDICATOR', cell: ({ name }) => name },
      { head: '1 COLLECT', cell: ({ name }) => figure(collect[name] ?? null) },
      { head: '2 NORMALISE', cell: ({ name }) => figure(normalise[name] ?? 0) },
      { head: 'WEIGHT', cell: ({ name }) => figure(weights[name] ?? 0) },
      { head: '3 WEIGH', cell: ({ points }) => figure(points) },
    ]),
    `4 score    100 ${sum}, not below 0 = ${figure(score)}`,
    `5 compare  ${compare.below ? 'below' : 'not below'} the warning of ${figure(compare.warning)}`,
    `6 output   ${output}`,
  ]
}

/** As it is, for others to go on with. */
const figure = (value: number | null): string => (value === null ? '-' : String(value))
