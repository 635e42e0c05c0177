// What doctor finds: one sentence on what there is, and one on what to do about it.

export type Level = 'ok' | 'warn' | 'fail'

export interface Finding {
  /** Stable name of the check: `node`, `brokers`, `listeners`, … */
  readonly check: string
  readonly level: Level
  readonly found: string
  /** null where there is nothing to do. */
  readonly fix: string | null
}

export function ok(check: string, found: string): Finding {
  return { check, level: 'ok', found, fix: null }
}

export function warn(check: string, found: string, fix: string): Finding {
  return { check, level: 'warn', found, fix }
}

export function fail(check: string, found: string, fix: string): Finding {
  return { check, level: 'fail', found, fix }
}
