// `loop`: milliseconds from a real `kill -9` to the visible command that heals it, on the embedded
// log, p50 of a round. Subject: the agent that tells of a refused connection at once (early flush).
// Rulers: the fast probe profile alone; a plain two-hop ping over the same log. Beside them the
// subject with the driver's exit signal. With --brokers it is `loop-kafka` that runs.
import { embedded } from './loop-log.mjs'
import { startPing } from './loop-ping.mjs'
import { openStand } from './loop-stand.mjs'

const PING = 'two_hop_ping'
/** By contender. @type {import('./loop-stand.mjs').Setting['subjects']} */
const SUBJECTS = new Map([
  ['subject', { name: 'early-flush', earlyFlush: true, exitSignal: false }],
  ['probe_alone', { name: 'probe-alone', earlyFlush: false, exitSignal: false }],
  ['exit_signal', { name: 'exit-signal', earlyFlush: true, exitSignal: true }],
])
const FULL = { faults: 20, pings: 80, warmUp: 3 }
const QUICK = { faults: 1, pings: 10, warmUp: 1 }

/** @param {import('./run.mjs').How} how */
async function open({ quick, seed }) {
  const log = embedded()
  const pinger = await startPing(log)
  const ping = {
    name: PING,
    /** @param {number} count */
    async times(count) {
      const times = []
      for (let i = 0; i < count; i++) times.push(await pinger.ping())
      return times
    },
    stop: () => pinger.stop(),
  }
  return await openStand({ log, subjects: SUBJECTS, ping, size: quick ? QUICK : FULL, seed })
}

/** @type {import('./run.mjs').Bench} */
export const bench = {
  unit: 'ms',
  rulers: ['probe_alone', PING, 'exit_signal'],
  smallerIsBetter: true,
  onBrokers: 'loop-kafka',
  open,
}
