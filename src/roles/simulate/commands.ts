// What the guards of the simulation allow, and whether the commands that were committed kept to it:
// the budget of the fleet (sum of all leases) and the interval of each service, over all tasks and
// whatever happened to them.
import type { Command } from '../../contracts/records.ts'

export const COMMANDS = { perMinute: 2, serviceIntervalMs: 8_000 } as const
const MINUTE_MS = 60_000

export class CommandOrder {
  readonly #issued: {
    readonly atMs: number
    readonly service: string
    /** Whose minute it counts in: with a lease the fleet's, before there were any its task's. */
    readonly payer: string
  }[] = []
  readonly #ids = new Set<string>()

  /** Errors of the command itself: a sentence, or null. */
  add({ command_id, issued_at_ms: atMs, target, lease_id, task }: Command): string | null {
    const payer = lease_id === null ? task : 'the fleet'
    this.#issued.push({ atMs, service: target.service, payer })
    if (this.#ids.has(command_id)) return `command ${command_id} is there twice`
    this.#ids.add(command_id)
    return null
  }

  /** What does not hold over all of them, in sentences. */
  problems(): readonly string[] {
    const sorted = this.#issued.toSorted((a, b) => a.atMs - b.atMs)
    const last = new Map<string, number>()
    const paid = new Map<string, number[]>()
    const found: string[] = []
    for (const { atMs, service, payer } of sorted) {
      const times = paid.get(payer) ?? []
      paid.set(payer, times)
      const beforeMs = times.at(-COMMANDS.perMinute)
      if (beforeMs !== undefined && atMs - beforeMs < MINUTE_MS)
        found.push(
          `${COMMANDS.perMinute + 1} commands of ${payer} within ${atMs - beforeMs} ms, ` +
            `${COMMANDS.perMinute} a minute are allowed`,
        )
      times.push(atMs)
      const agoMs = atMs - (last.get(service) ?? -Infinity)
      if (agoMs < COMMANDS.serviceIntervalMs)
        found.push(`two commands for ${service} within ${agoMs} ms`)
      last.set(service, atMs)
    }
    return found
  }
}
