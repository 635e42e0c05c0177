// The public SDK: what a service, a driver or a log of somebody else is written against. The only
// file of re-exports; everything else is internal and may change.
//
//   import { IntakeClient, intakeFromEnv } from 'healstream'
//   const intake = new IntakeClient(intakeFromEnv(process.env, servicePort))
//   intake.record({ operation: 'GET /buy', ok: true, latencyUs: 2_500 })
//   intake.metric('db_pool_used_percent', 40)

/** Errors with a code, what was found and what to do. */
export { HsError } from './contracts/failure.ts'
export type { FailureCode } from './contracts/failure.ts'

/** Policy documents, and the check that turns a plain value into one. */
export { parsePolicy, policyJsonSchema } from './contracts/policy.ts'
export type { ParsedPolicy, PolicyDocument } from './contracts/policy.ts'
export type { DetectorSet } from './contracts/detector-set.ts'
export type { GuardSet } from './contracts/guard-set.ts'
export type { HealPolicy } from './contracts/heal-policy.ts'

/** For services: counts requests and tells the agent beside them. */
export { IntakeClient } from './runtime/agent/intake-client.ts'
export type { IntakeClientOptions, Outcome } from './runtime/agent/intake-client.ts'
export { intakeFromEnv } from './runtime/agent/intake-env.ts'

/** For drivers: what touches a service. */
export type { Driver, ProcessExit, StartFacts } from './runtime/agent/driver.ts'

/** For logs: the ports that one conformance suite holds every adapter to. */
export { LogError } from './runtime/log-error.ts'
export type { LogErrorCode } from './runtime/log-error.ts'
export type {
  IdempotentProducer,
  LogAdmin,
  LogPort,
  LogReader,
  Membership,
  TransactionalWriter,
} from './runtime/ports.ts'
