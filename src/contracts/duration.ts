// Durations as people write them in documents: `250ms`, `90s`, `5m`, `1h`, or several parts as in
// `1m30s`.

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** What a duration looks like; also published in the JSON Schema. */
export const DURATION_PATTERN: RegExp = /^(\d{1,9}(\.\d{1,3})?(ms|s|m|h|d)){1,4}$/

/** Milliseconds (whole), or null when the text is no duration. */
export function parseDuration(text: string): number | null {
  if (!DURATION_PATTERN.test(text)) return null
  let totalMs = 0
  for (const [, figure = '', , unit = ''] of text.matchAll(/(\d+(\.\d+)?)(ms|s|m|h|d)/g)) {
    totalMs += Number(figure) * (UNIT_MS[unit] ?? 0)
  }
  return Math.round(totalMs)
}

/** For people: `4 min 59 s`, `1.5 s`, `250 ms`, `0 s`. At most two parts. */
export function formatDuration(ms: number): string {
  const whole = Math.max(0, Math.round(ms))
  if (whole === 0) return '0 s'
  if (whole < 1_000) return `${whole} ms`
  if (whole < 60_000) return `${Math.round(whole / 100) / 10} s`
  const parts = [
    [Math.floor(whole / 86_400_000), 'd'],
    [Math.floor(whole / 3_600_000) % 24, 'h'],
    [Math.floor(whole / 60_000) % 60, 'min'],
    [Math.floor(whole / 1_000) % 60, 's'],
  ] as const
  const first = parts.findIndex(([figure]) => figure > 0)
  return parts
    .slice(first, first + 2)
    .filter(([figure]) => figure > 0)
    .map(([figure, unit]) => `${figure} ${unit}`)
    .join(' ')
}
