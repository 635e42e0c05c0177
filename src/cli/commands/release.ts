// `healstream release`: a person takes a hold away, in every partition.
import { randomUUID } from 'node:crypto'
import { createSerde } from '../../adapters/serde/serde.ts'
import { HsError } from '../../contracts/failure.ts'
import { eventId } from '../../contracts/ids.ts'
import type { OperatorRecord } from '../../contracts/records.ts'
import { registryAccessOf } from '../../roles/parts/access.ts'
import { broadcast } from '../../runtime/broadcast.ts'
import { withCluster } from '../cluster.ts'
import { type Context, show } from '../context.ts'
import { type HoldsInForce, holdsInForce } from '../holds.ts'
import { operatorName } from '../operator-name.ts'
import type { ClusterReadFlags } from '../settings-flags.ts'

export interface ReleaseFlags extends ClusterReadFlags {
  readonly why?: string
  readonly who?: string
}

const NAMED_MOST = 10
const AFTER_LOSS = 'after-loss-'

/**
 * Errors: HS_USAGE without a reason; HS_NOT_FOUND for a hold that is not in force; those of
 * withCluster and of the schema registry.
 */
export function release(context: Context, hold: string, flags: ReleaseFlags): Promise<void> {
  const why = (flags.why ?? '').trim()
  if (why === '')
    throw new HsError('HS_USAGE', 'a release needs its reason', {
      fix: `Say it: healstream release ${hold} --why TEXT`,
    })
  return withCluster(context, flags, async ({ log, resolved, prefix, partitions, clusterId }) => {
    const access = registryAccessOf(resolved)
    const { cacheDir } = resolved.settings
    const ids = access === null ? {} : { registry: access, cacheDir }
    const serde = await createSerde({ ...ids, prefix, clusterId })
    const nowMs = Date.now()
    known(hold, await holdsInForce({ log, decoder: serde, prefix, partitions, nowMs }))
    const who = operatorName(flags.who, context)
    const body: OperatorRecord = {
      id: eventId(randomUUID()),
      kind: 'release',
      actor: who,
      reason: why,
      at_ms: nowMs,
      expires_at_ms: null,
      scope: { fleet: false, service: null, instance: null, policy: null },
      refers_to: hold,
      verdict: null,
      command: null,
      signature: null,
      kid: null,
    }
    const producer = log.producer()
    try {
      const how = { encoder: serde, prefix, partitions, clusterId, source: '/cli', producer }
      await broadcast({ topic: 'operator', body }, how)
    } finally {
      await producer.close()
    }
    show(context, flags.output, {
      value: { id: body.id, refers_to: hold, why, who },
      lines: () => [`${hold} is released by ${who}: told to all ${partitions} partitions`],
      next: ['tasks', 'describe incident ops'],
    })
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
