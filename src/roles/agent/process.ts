// The agent as a process of its own: the instances that its file names, with /livez, /readyz and
// /metrics beside.
import type { AgentSettings, InstanceSettings } from '../../config/settings-schema.ts'
import { HsError } from '../../contracts/failure.ts'
import { agentId, instanceId, serviceId } from '../../contracts/ids.ts'
import { intakeEnv } from '../../runtime/agent/intake-env.ts'
import { tokenFileOf } from '../../runtime/agent/intake-token.ts'
import type { ProcessParts } from '../parts/parts.ts'
import { fatalSwitch, type RunningRole, startEndpoint } from '../parts/running-role.ts'
import { startAgent } from './agent.ts'
import type { AgentHandle } from './agent.ts'
import type { AgentInstance, IntakeAddress } from './options.ts'

/** Errors: HS_PORT_IN_USE, HS_CONFIG for one instance twice, and those of `startAgent`. */
export async function startAgentProcess(
  parts: ProcessParts,
  { settings, port }: { readonly settings: AgentSettings; readonly port: number },
): Promise<RunningRole> {
  const { stateDir, probeProfile, exitSignal } = settings
  const agent = await startAgent({
    ...parts,
    agentId: agentId(settings.id),
    stateDir,
    instances: instancesOf(settings),
    ...(probeProfile === undefined ? {} : { probeProfile }),
    ...(exitSignal === undefined ? {} : { exitSignal }),
  })
  try {
    for (const { answered, instance, detail } of agent.started)
      if (!answered)
        parts.instruments.emit('process_notice', {
          code: 'not_started',
          detail: `${instance}: ${detail}`,
        })
    const { metrics } = parts
    const notReady = (): readonly string[] => withoutProcess(agent)
    const server = await startEndpoint({ port, notReady, metrics })
    const stop = async (): Promise<void> => {
      await server.close()
      await agent.stop()
      await parts.close()
    }
    return { url: server.url, fatal: fatalSwitch().fatal, stop }
  } catch (error) {
    await agent.stop()
    throw error
  }
}

function withoutProcess(agent: AgentHandle): readonly string[] {
  return [...agent.pids()]
    .filter(([, pid]) => pid === null)
    .map(([instance]) => `agent: ${instance} has no process`)
}

/** Errors: HS_CONFIG when an instance or a port is there twice. */
export function instancesOf({ instances, stateDir }: AgentSettings): readonly AgentInstance[] {
  for (const [i, one] of instances.entries()) {
    const twin = instances.findIndex(
      (other) =>
        other.port === one.port ||
        (other.service === one.service && other.instance === one.instance),
    )
    if (twin === i) continue
    const what = `agent.instances[${i}] has the name or the port of agent.instances[${twin}]`
    throw new HsError('HS_CONFIG', what)
  }
  return instances.map((one) => instanceOf(one, stateDir))
}

function instanceOf(one: InstanceSettings, stateDir: string): AgentInstance {
  const { service, instance, port, healthPath, command, env, cwd } = one
  return {
    service: serviceId(service),
    instance: instanceId(instance),
    host: '127.0.0.1',
    port,
    healthPath,
    command: (intake: IntakeAddress) => ({
      argv: command,
      env: {
        ...intakeEnv({ ...intake, tokenFile: tokenFileOf(stateDir), service, instance }),
        ...env,
      },
      ...(cwd === undefined ? {} : { cwd }),
    }),
    ...(one.zone === undefined ? {} : { zone: one.zone }),
    ...(one.version === undefined ? {} : { appVersion: one.version }),
    ...(one.grace === undefined ? {} : { graceMs: one.grace }),
    ...(one.startTimeout === undefined ? {} : { startTimeoutMs: one.startTimeout }),
  }
}
