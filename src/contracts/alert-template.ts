// Texts of rules with places to fill (S2-44): `{{ $labels.NAME }}` and `{{ $value }}`, nothing else
// of Go's templates. A label that is not there is empty, as in Prometheus.

const PLACE = /\{\{-?\s*(.*?)\s*-?\}\}/gs
const LABEL = /^\$labels\.([a-zA-Z_][a-zA-Z0-9_]*)$/
const VALUE = '$value'
export const TEMPLATES_SUPPORTED = '{{ $labels.NAME }} and {{ $value }}'

/** What is wrong with a text, and where; null: nothing. */
export function templateProblem(
  text: string,
  { mayHaveValue }: { readonly mayHaveValue: boolean },
): { readonly at: number; readonly problem: string } | null {
  for (const { index, 0: whole, 1: inner = '' } of text.matchAll(PLACE)) {
    if (LABEL.test(inner) || (inner === VALUE && mayHaveValue)) continue
    const problem =
      inner === VALUE
        ? 'a label with $value in it would be another alert with every value'
        : `${whole.slice(0, 60)} is not supported`
    return { at: index, problem }
  }
  const left = text.replaceAll(PLACE, (whole) => ' '.repeat(whole.length)).indexOf('{{')
  return left < 0 ? null : { at: left, problem: '{{ without its }}' }
}

export interface Filling {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export function fillTemplate(text: string, { labels, value }: Filling): string {
  return text.replaceAll(PLACE, (_whole, inner: string) => {
    if (inner === VALUE) return figure(value)
    const name = LABEL.exec(inner)?.[1]
    return name !== undefined && Object.hasOwn(labels, name) ? (labels[name] ?? '') : ''
  })
}

/** As people read it: at most four decimals. */
function figure(value: number): string {
  return Number.isFinite(value) ? String(Math.round(value * 10_000) / 10_000) : String(value)
}
