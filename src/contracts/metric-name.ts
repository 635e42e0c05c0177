// Names of metrics of the user's own: those that an expression of an alert rule can say
// (Prometheus' data model), short enough that thousands of instances can tell some. What is bad
// about one is said without repeating it.

/** Longest name, bytes. */
export const METRIC_NAME_BYTES_MAX = 64
/** Most metrics told apart for one instance. */
export const METRICS_PER_INSTANCE_MAX = 32

const NAME = /^[A-Za-z_:][A-Za-z0-9_:]*$/

/** Why a metric cannot be taken, or null. */
export function metricProblem(name: string, value: number): string | null {
  return metricNameProblem(name) ?? (Number.isFinite(value) ? null : 'its value is no number')
}

/** Why `name` is no name of a metric, or null. */
export function metricNameProblem(name: string): string | null {
  if (name === '') return 'it has no name'
  if (name.length > METRIC_NAME_BYTES_MAX)
    return `its name is longer than ${METRIC_NAME_BYTES_MAX} letters`
  if (!NAME.test(name)) return 'its name is not made of letters, digits, _ and :, no digit first'
  return null
}
