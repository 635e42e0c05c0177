// The way to the simulated brokers of those who look at the log from outside, and of strangers.
import type { MemoryLog } from '../../adapters/memory/memory-log.ts'
import type { Transport } from '../../adapters/client/protocol.ts'

/** The brokers as they answer, without a network in between. */
export function directTo(log: MemoryLog): Transport {
  let found: Transport | null = null
  const transport = (inner: Transport): Transport => {
    found = inner
    return inner
  }
  void log.broker.connect({ transport }).admin()
  const direct: Transport = (api, request, limits) => {
    if (found === null) throw new RangeError('no way to the brokers')
    return found(api, request, limits)
  }
  return direct
}
