// A word of a person, told to every partition: what `hold`, `release` and `approve` have in common.
// It is said when the log has acknowledged it for all of them.
import { randomUUID } from 'node:crypto'
import { createSerde, type Serde } from '../adapters/serde/serde.ts'
import { HsError } from '../contracts/failure.ts'
import { eventId } from '../contracts/ids.ts'
import type { OperatorRecord } from '../contracts/records.ts'
import { registryAccessOf } from '../roles/parts/access.ts'
import { broadcast } from '../runtime/broadcast.ts'
import type { LogPort } from '../runtime/ports.ts'
import { withCluster } from './cluster.ts'
import type { Context } from './context.ts'
import { operatorName } from './operator-name.ts'
import type { ClusterReadFlags } from './settings-flags.ts'

export interface WordFlags extends ClusterReadFlags {
  readonly why?: string
  readonly who?: string
}

/** What is said; the rest is empty. */
export type Word = Pick<OperatorRecord, 'kind'> &
  Partial<Pick<OperatorRecord, 'expires_at_ms' | 'scope' | 'refers_to' | 'verdict'>>

export interface Told {
  readonly body: OperatorRecord
  readonly partitions: number
}

/** What is known when the word is made. */
export interface SayAt {
  readonly log: LogPort
  readonly serde: Serde
  readonly prefix: string
  readonly partitions: number
  readonly nowMs: number
}

const NOBODY = { fleet: false, service: null, instance: null, policy: null }

/**
 * Errors: HS_USAGE without a reason; those of `word`, of withCluster and of the schema registry.
 */
export function sayToAll(
  context: Context,
  flags: WordFlags,
  said: { readonly fix: string; readonly word: (at: SayAt) => Promise<Word> | Word },
): Promise<Told> {
  const why = (flags.why ?? '').trim()
  if (why === '') {
    throw new HsError('HS_USAGE', 'it needs its reason', { fix: `Say it: ${said.fix} --why TEXT` })
  }
  return withCluster(context, flags, async ({ log, resolved, prefix, partitions, clusterId }) => {
    const access = registryAccessOf(resolved)
    const { cacheDir } = resolved.settings
    const ids = access === null ? {} : { registry: access, cacheDir }
    const serde = await createSerde({ ...ids, prefix, clusterId })
    const nowMs = Date.now()
    const body: OperatorRecord = {
      id: eventId(randomUUID()),
      actor: operatorName(flags.who, context),
      reason: why,
      at_ms: nowMs,
      expires_at_ms: null,
      scope: NOBODY,
      refers_to: null,
      verdict: null,
      command: null,
      signature: null,
      kid: null,
      ...(await said.word({ log, serde, prefix, partitions, nowMs })),
    }
    const producer = log.producer()
    try {
      const how = { encoder: serde, prefix, partitions, clusterId, source: '/cli', producer }
      await broadcast({ topic: 'operator', body }, how)
    } finally {
      await producer.close()
    }
    return { body, partitions }
  })
}
