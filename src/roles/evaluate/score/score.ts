// What alarms are worth, against the truth. Positive = a fault is on; every sample counts, the
// first ones of a series too. Both meanings of "false-alarm rate" are told (S0-28).

export interface Confusion {
  readonly tp: number
  readonly fp: number
  readonly tn: number
  readonly fn: number
}

/** Ratios from 0 to 1; null where there is nothing to divide by. */
export interface Score extends Confusion {
  readonly accuracy: number | null
  readonly precision: number | null
  readonly recall: number | null
  /** False alarms among the samples without a fault. */
  readonly fpr: number | null
  /** False alarms among the alarms. */
  readonly fdr: number | null
}

/** Errors: RangeError when there is not one alarm per label. */
export function confusionOf(labels: Uint8Array, alarms: Uint8Array): Confusion {
  if (labels.length !== alarms.length)
    throw new RangeError(`${alarms.length} alarms for ${labels.length} labels`)
  const cells = [0, 0, 0, 0]
  for (let i = 0; i < labels.length; i++) {
    const cell = 2 * (labels[i] ?? 0) + (alarms[i] ?? 0)
    cells[cell] = (cells[cell] ?? 0) + 1
  }
  const [tn = 0, fp = 0, fn = 0, tp = 0] = cells
  return { tp, fp, tn, fn }
}

export function sumOf(all: readonly Confusion[]): Confusion {
  const sum = { tp: 0, fp: 0, tn: 0, fn: 0 }
  for (const { tp, fp, tn, fn } of all) {
    sum.tp += tp
    sum.fp += fp
    sum.tn += tn
    sum.fn += fn
  }
  return sum
}

export function scoreOf({ tp, fp, tn, fn }: Confusion): Score {
  return {
    tp,
    fp,
    tn,
    fn,
    accuracy: ratio(tp + tn, tp + fp + tn + fn),
    precision: ratio(tp, tp + fp),
    recall: ratio(tp, tp + fn),
    fpr: ratio(fp, fp + tn),
    fdr: ratio(fp, fp + tp),
  }
}

/** Runs of ones: what a person would be told of, once each. */
export function runsOf(column: Uint8Array): readonly (readonly [from: number, to: number])[] {
  const runs: [number, number][] = []
  let from = -1
  for (let i = 0; i <= column.length; i++) {
    const is = column[i] === 1
    if (is && from < 0) from = i
    if (is || from < 0) continue
    runs.push([from, i])
    from = -1
  }
  return runs
}

/**
 * For each fault the samples from its first one until it has been told, 1 = with its first sample;
 * null: never while it lasted. An alarm that stood before counts from the first sample on.
 */
export function delaysOf(labels: Uint8Array, alarms: Uint8Array): readonly (number | null)[] {
  return runsOf(labels).map(([from, to]) => {
    const at = alarms.subarray(from, to).indexOf(1)
    return at < 0 ? null : at + 1
  })
}

/** The value below which that part of them lies; null for none. */
export function quantile(values: readonly number[], part: number): number | null {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? null
}

function ratio(of: number, all: number): number | null {
  return all === 0 ? null : of / all
}
