// Module: probes every instance by the profile and tells verdicts; a refused connection at its
// first try.
import type { ProbeVerdict } from '../../contracts/records.ts'
import type { ProbeProfile, ProbeTry, TryOutcome } from '../../runtime/agent/probe.ts'
import { probeLoop } from '../../runtime/agent/prober.ts'
import type { Clock } from '../../runtime/ports.ts'
import type { Instance } from './instance.ts'

export interface ProbingOptions {
  readonly instances: readonly Instance[]
  readonly profile: ProbeProfile
  readonly probe: ProbeTry
  readonly clock: Clock
  readonly earlyFlush: boolean
}

/** Runs until aborted; a defect in one loop ends all of them, so that they start again together. */
export async function probing(options: ProbingOptions, signal: AbortSignal): Promise<void> {
  const inner = new AbortController()
  const stop = (): void => inner.abort()
  signal.addEventListener('abort', stop, { once: true })
  try {
    await Promise.all(options.instances.map((one) => probeInstance(options, one, inner.signal)))
  } finally {
    signal.removeEventListener('abort', stop)
    inner.abort()
  }
}

function probeInstance(
  { profile, probe, clock, earlyFlush }: ProbingOptions,
  instance: Instance,
  signal: AbortSignal,
): Promise<void> {
  const { host, port, healthPath: path } = instance.spec
  const onTry = ({ reason }: TryOutcome): void => {
    if (reason === 'ok') instance.answered()
    else if (reason === 'refused' && earlyFlush) instance.refused()
  }
  const onVerdict = (verdict: ProbeVerdict, last: TryOutcome, failures: number): void => {
    instance.verdict = verdict
    // A start that answered too late for its command is announced when it does answer.
    if (verdict === 'up' && !instance.registered) void instance.announce('register')
    const { reason, latencyUs, status } = last
    void instance.signal('probe', {
      probe: {
        protocol: 'http',
        profile: profile.name,
        verdict,
        reason,
        failures,
        latency_us: latencyUs,
        status,
        local: true,
      },
    })
  }
  const target = { protocol: 'http', host, port, path } as const
  const life = (): number | null => (instance.held ? null : instance.incarnation)
  return probeLoop({ target, profile, probe, clock, life, onTry, onVerdict }, signal)
}
