// The shape of a named event: its level, its sentence for people, and the metrics it touches.

export type EventLevel = 'debug' | 'info' | 'warn' | 'error'

export interface EventSpec {
  readonly level: EventLevel
  /** Sentence for people; `{name}` is replaced by the field of that name. */
  readonly text: string
  /**
   * Metrics touched: name without the `healstream_` prefix, kind, labels taken from fields, value
   * from a field (default 1; null takes the series of a gauge away).
   */
  readonly metrics?: readonly MetricSpec[]
}

export interface MetricSpec {
  readonly name: string
  readonly kind: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  /** Few values each: never an instance, an offset or an id. */
  readonly labels?: readonly string[]
  readonly value?: string
  /** Upper bounds of a histogram; default 1 ms to 10 s. */
  readonly buckets?: readonly number[]
}
