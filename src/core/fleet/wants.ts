// Tokens by zone: how their budgets are named, and what a task says it waits for.
import type { ZoneWant } from '../../contracts/records.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'

/** The budget of tokens that may be spent in any zone. */
export const ANY_ZONE = 'fleet'

/** The budget of tokens of a zone; of instances without one: of an empty zone. */
export function zoneBudget(zone: string): string {
  return `zone:${zone}`
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
