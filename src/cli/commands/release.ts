// `healstream release`: a person takes a hold away, in every partition.
import { HsError } from '../../contracts/failure.ts'
import { type Context, show } from '../context.ts'
import { type HoldsInForce, holdsInForce } from '../holds.ts'
import { sayToAll, type WordFlags } from '../operator-word.ts'

export type ReleaseFlags = WordFlags

const NAMED_MOST = 10
const AFTER_LOSS = 'after-loss-'

/**
 * Errors: HS_USAGE without a reason; HS_NOT_FOUND for a hold that is not in force; those of
 * withCluster and of the schema registry.
 */
export async function release(context: Context, hold: string, flags: ReleaseFlags): Promise<void> {
  const { body, partitions } = await sayToAll(context, flags, {
    fix: `healstream release ${hold}`,
    word: async ({ serde: decoder, ...at }) => {
      known(hold, await holdsInForce({ ...at, decoder }))
      return { kind: 'release', refers_to: hold }
    },
  })
  const { id, actor: who, reason: why } = body
  show(context, flags.output, {
    value: { id, refers_to: hold, why, who },
    lines: () => [`${hold} is released by ${who}: told to all ${partitions} partitions`],
    next: ['tasks', 'describe incident ops'],
  })
}

/** Errors: HS_NOT_FOUND naming those in force. */
export function known(hold: string, { names, isCut }: HoldsInForce): void {
  if (names.includes(hold) || (isCut && hold.startsWith(AFTER_LOSS))) return
  const told = names.slice(0, NAMED_MOST).join(', ')
  throw new HsError('HS_NOT_FOUND', `no hold ${JSON.stringify(hold)} is in force`, {
    fix: names.length === 0 ? 'None is: nothing has to be released.' : `In force: ${told}.`,
  })
}
