// Tokens by zone: how their budgets are named, and what a task says it waits for.
import type { ZoneWant } from '../../contracts/records.ts'
import type { Picture } from './picture.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'

/** Who was asked for a token and does not answer for so long does not count as an answer. */
export const ANSWER_MS = 3_000
/** The budget of tokens that may be spent in any zone. */
export const ANY_ZONE = 'fleet'

/** The budget of tokens of a zone; of instances without one: of an empty zone. */
export function zoneBudget(zone: string): string {
  return `zone:${zone}`
}

/** What is read of a lease. */
interface Given {
  readonly budget: string
  readonly askedMs: number | null
}

export function isLoose({ budget }: Given): boolean {
  return budget === ANY_ZONE
}

/**
 * Whether a token of the zone may be given: in no other zone anybody is at work or could begin to
 * be. Whoever is asked for one that is good in any zone and does not answer stops zones for good,
 * but instances without a zone only for a while.
 */
export function mayGive(
  zone: string,
  at: { readonly leases: readonly Given[]; readonly picture: Picture; readonly nowMs: number },
): boolean {
  const { leases, picture, nowMs } = at
  if (picture.zones.size === 0) return true
  const isNamed = zone !== ''
  if (isNamed && [...picture.inHand].some((other) => other !== '' && other !== zone)) return false
  return leases.every((lease) => {
    const { budget, askedMs } = lease
    if (budget === zoneBudget(zone) || budget === zoneBudget('')) return true
    if (isNamed || !isLoose(lease)) return !isNamed
    return askedMs !== null && nowMs - askedMs >= ANSWER_MS
  })
}

export type Want = Pick<ZoneWant, 'zone' | 'waiting'>

/** By zone; of a task that does not say, all of it is of instances without one. */
export function wantsOf(holder: {
  readonly wants: readonly Want[]
  readonly waiting: number
}): readonly Want[] {
  return holder.wants.length > 0 ? holder.wants : [{ zone: '', waiting: holder.waiting }]
}

export function saveWants(wants: readonly Want[], to: ImageWriter): void {
  to.int(wants.length)
  for (const { zone, waiting } of wants) to.text(zone).int(waiting)
}

export function loadWants(from: ImageReader): readonly Want[] {
  return from.list(() => ({ zone: from.text(), waiting: from.int() }))
}
