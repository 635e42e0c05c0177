// Every error a person can meet has a code, an exit code and a fix; docs/errors.md is held equal by
// a test.

/** Exit codes of the command line (documented, stable). */
export const EXIT = {
  ok: 0 as const,
  findings: 1 as const,
  usage: 2 as const,
  unreachable: 3 as const,
  partial: 4 as const,
  interrupted: 130 as const,
}
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

export interface Failure {
  readonly exit: ExitCode
  /** What the reader can do about it, one sentence. */
  readonly fix: string
}

export type FailureCode =
  | 'HS_INTERNAL'
  | 'HS_USAGE'
  | 'HS_NODE_VERSION'
  | 'HS_CONFIG'
  | 'HS_POLICY'
  | 'HS_SCHEMA'
  | 'HS_PORT_IN_USE'
  | 'HS_UNREACHABLE'
  | 'HS_UNAUTHORIZED'
  | 'HS_NO_ACCESS'
  | 'HS_NOT_FOUND'
  | 'HS_NO_GENESIS'
  | 'HS_JOURNAL_LOST'
  | 'HS_FOREIGN_CLUSTER'
  | 'HS_CHAIN_BROKEN'
  | 'HS_DIVERGED'
  | 'HS_INPUT_CHANGED'
  | 'HS_LEDGER_CORRUPT'
  | 'HS_LEDGER_FOREIGN'
  | 'HS_LEDGER_LOCKED'
  | 'HS_LOG'

export const FAILURES: Readonly<Record<FailureCode, Failure>> = {
  HS_INTERNAL: {
    exit: 1,
    fix: 'This is a defect of healstream: report it with the log lines around it.',
  },
  HS_USAGE: { exit: 2, fix: 'Run the command with --help to see its options.' },
  HS_NODE_VERSION: { exit: 2, fix: 'Install Node 20.19 or newer and run the command again.' },
  HS_CONFIG: {
    exit: 2,
    fix: 'Correct the named field; flags win over environment, environment over file.',
  },
  HS_POLICY: {
    exit: 2,
    fix: 'Correct the policy at the named place and run `healstream policy lint FILE`.',
  },
  HS_SCHEMA: {
    exit: 2,
    fix:
      'Look at the schema registry: its address, its account, and what it holds under ' +
      'the named subject.',
  },
  HS_PORT_IN_USE: {
    exit: 2,
    fix: 'Stop the process that holds the port, or choose another with --port.',
  },
  HS_UNREACHABLE: {
    exit: 3,
    fix: 'Start healstream first (`npx healstream demo`), or name a running one with --url.',
  },
  HS_UNAUTHORIZED: {
    exit: 3,
    fix: 'Use the token file that the running healstream printed at its start.',
  },
  HS_NO_ACCESS: {
    exit: 3,
    fix: 'Allow the named operations on the brokers: `healstream acls` prints them for each role.',
  },
  HS_NOT_FOUND: { exit: 1, fix: 'List what exists with `healstream get`.' },
  HS_NO_GENESIS: { exit: 2, fix: 'Run `healstream init` once for this cluster.' },
  HS_JOURNAL_LOST: {
    exit: 2,
    fix:
      'Bring the journal back from a copy; only if there is none, run ' +
      '`healstream init --after-loss`: it acts on nothing until a person releases it.',
  },
  HS_FOREIGN_CLUSTER: {
    exit: 2,
    fix: 'Point this worker at the cluster whose id its journal names.',
  },
  HS_CHAIN_BROKEN: {
    exit: 1,
    fix:
      'Keep the topic as it is and call a person: `healstream journal verify` names ' +
      'the first bad entry.',
  },
  HS_DIVERGED: {
    exit: 1,
    fix: 'Replay gave other outputs than the journal records; keep the log and report it.',
  },
  HS_INPUT_CHANGED: {
    exit: 1,
    fix:
      'Records of an input topic changed or vanished after they were used; find out ' +
      'who deleted or rewrote them. To go on without them: ' +
      '`healstream task resume TASK --accept-divergence --why TEXT`.',
  },
  HS_LEDGER_CORRUPT: {
    exit: 1,
    fix:
      'Move the agent folder away: the agent then starts as a new epoch and repeats no ' +
      'old command.',
  },
  HS_LEDGER_FOREIGN: { exit: 2, fix: 'Give this agent a state folder of its own.' },
  HS_LEDGER_LOCKED: {
    exit: 2,
    fix: 'Another agent uses this folder: stop it, or give this one its own.',
  },
  HS_LOG: {
    exit: 3,
    fix: 'Look at the log: whether it runs, whether it can be reached, what it says itself.',
  },
}

/**
 * An error for a person: code, what happened (with file, line, field, what was found), and the fix.
 */
export class HsError extends Error {
  override readonly name = 'HsError'
  readonly code: FailureCode
  readonly fix: string
  readonly exit: ExitCode

  constructor(code: FailureCode, message: string, options: { fix?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.fix = options.fix ?? FAILURES[code].fix
    this.exit = FAILURES[code].exit
  }
}
