// What a labelled trace is: series of one instance each, one sample after the other, with the truth
// beside what could be measured. docs/evaluation.md tells the same to those who read the file form.

/** What is wrong, or looks as if something were wrong. */
export type Happening =
  /** Faults: their samples are labelled. */
  | 'level_shift'
  | 'drift'
  | 'gray'
  | 'error_burst'
  /** No faults: nobody should act on them. */
  | 'spike'
  | 'load_step'
  | 'burst'
  | 'deploy'

/** Samples `from` to `to`, the last one not included. */
export interface Event {
  readonly kind: Happening
  readonly from: number
  readonly to: number
  /** Of latency or load at its height; for error bursts the share of failed requests. */
  readonly factor: number
}

/** Columns of equal length; sample i covers the time from i to i + 1 times `sampleMs`. */
export interface Series {
  readonly name: string
  readonly sampleMs: number
  readonly requests: Float64Array
  readonly errors: Float64Array
  readonly p99Ms: Float64Array
  /** 1: a fault makes the latency worse than the load explains. */
  readonly latencyBad: Uint8Array
  /** 1: a fault makes requests fail. */
  readonly errorsBad: Uint8Array
  readonly events: readonly Event[]
}

export interface Trace {
  readonly kind: string
  readonly seed: number
  readonly series: readonly Series[]
}
