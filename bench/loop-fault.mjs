// One fault of the `loop` bench: a real `kill -9` of a supervised process, followed until its
// incident is closed, with the times that the bench is about.
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'

const COMMAND_LIMIT_MS = 10_000
const HEAL_LIMIT_MS = 30_000
const LOOK_MS = 5

/**
 * `commandMs`: from the kill until the command is there to be seen; `polledMs`: until a reader in
 * the same process got to it. `crossingMs`: to the command from the record that crossed the rule,
 * from the moment when it was handed to the log. `stray`: commands beyond the one.
 * @typedef {{ subject: string, commandMs: number, polledMs: number, crossingMs: number,
 *   healedMs: number, detector: string, stray: number }} Fault
 */

/**
 * What `look` found, or null after the limit.
 * @template T @param {() => T | null | undefined} look
 */
export async function until(look, limitMs = HEAL_LIMIT_MS) {
  const endMs = performance.now() + limitMs
  for (;;) {
    const found = look() ?? null
    if (found !== null) return found
    if (performance.now() > endMs) return null
    await sleep(LOOK_MS)
  }
}

/**
 * The evidence record that was handed to the log first: by it the rule was crossed.
 * @param {import('./loop-fleet.mjs').Fleet} fleet
 * @param {readonly import('./loop-fleet.mjs').IncidentEvent[]} events
 */
function crossing(fleet, events) {
  const commanded = events.find(({ event }) => event === 'commanded')
  const [first] = (commanded?.evidence ?? [])
    .map((evidence) => ({ detector: evidence.detector, atMs: fleet.handedMs(evidence) }))
    .flatMap(({ detector, atMs }) => (atMs === null ? [] : [{ detector, atMs }]))
    .sort((a, b) => a.atMs - b.atMs)
  if (first === undefined) throw new Error('a command names no record of an agent as evidence')
  return first
}

/**
 * Kills one instance and waits until its incident is closed. Errors: a missed fault, or one that is
 * not healed; the bench has no figures then.
 * @param {import('./loop-fleet.mjs').Fleet} fleet
 * @param {import('./loop-fleet.mjs').Subject} subject @param {number} copy
 * @returns {Promise<Fault>}
 */
export async function breakOne(fleet, subject, copy) {
  const { seen } = fleet
  fleet.forget()
  const { instance, pid } = fleet.victim(subject, copy)
  const faultMs = performance.now()
  process.kill(pid, 'SIGKILL')
  const first = await until(
    () => seen.commands.find(({ command }) => command.target.instance === instance),
    COMMAND_LIMIT_MS,
  )
  if (first === null) {
    const told = seen.incidents.map(({ event, summary }) => `  ${event}: ${summary}`)
    const what = `no command for ${instance} within ${COMMAND_LIMIT_MS} ms: a missed fault`
    throw new Error([what, ...told].join('\n'))
  }
  const { incident_id: id } = first.command
  const events = () => seen.incidents.filter(({ incident_id }) => incident_id === id)
  const isClosed = () => events().some(({ state }) => state === 'recovered') || null
  if ((await until(isClosed)) === null)
    throw new Error(`incident ${id} of ${instance} is not closed after ${HEAL_LIMIT_MS} ms`)
  const crossed = crossing(fleet, events())
  return {
    subject: subject.name,
    commandMs: first.at.arrivedMs - faultMs,
    polledMs: first.at.polledMs - faultMs,
    crossingMs: first.at.arrivedMs - crossed.atMs,
    healedMs: performance.now() - faultMs,
    detector: crossed.detector,
    stray: seen.commands.length - 1,
  }
}
