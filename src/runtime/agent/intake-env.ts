// What an agent tells an instance through its environment: who it is, and where to bring its
// counts. The token is a file, so that it stays out of listings of processes.
import { HsError } from '../../contracts/failure.ts'
import type { IntakeClientOptions } from './intake-client.ts'
import { TOKEN_FILE_ENV, tokenFromEnv } from './intake-token.ts'

const INTAKE_ENV = 'HEALSTREAM_INTAKE'
const SERVICE_ENV = 'HEALSTREAM_SERVICE'
const INSTANCE_ENV = 'HEALSTREAM_INSTANCE'

type Environment = Readonly<Record<string, string | undefined>>

export interface IntakeEnv {
  readonly host: string
  readonly port: number
  readonly tokenFile: string
  readonly service: string
  readonly instance: string
}

/** For the agent. */
export function intakeEnv(intake: IntakeEnv): Readonly<Record<string, string>> {
  return {
    [INTAKE_ENV]: `${intake.host}:${intake.port}`,
    [TOKEN_FILE_ENV]: intake.tokenFile,
    [SERVICE_ENV]: intake.service,
    [INSTANCE_ENV]: intake.instance,
  }
}

/**
 * For a service that an agent has started: the options of its IntakeClient.
 * Errors: HS_CONFIG when the environment is not that of an agent.
 */
export function intakeFromEnv(env: Environment, servicePort: number): IntakeClientOptions {
  const place = /^([^:]+):(\d{1,5})$/.exec(env[INTAKE_ENV] ?? '')
  const service = env[SERVICE_ENV] ?? ''
  const instance = env[INSTANCE_ENV] ?? ''
  if (place === null || service === '' || instance === '')
    throw new HsError('HS_CONFIG', `${INTAKE_ENV} is not set as an agent sets it`, {
      fix: 'Let an agent start this process, or set the options of the IntakeClient by hand.',
    })
  const [, host = '', port = ''] = place
  return { host, port: Number(port), token: tokenFromEnv(env), service, instance, servicePort }
}
