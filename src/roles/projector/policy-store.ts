// Publishes policies: every record goes to all partitions of hs.policies, with the next version of
// its name. Repeating an apply is harmless: what every partition holds already is left alone, and a
// half-written one is written again.
import { formatFinding, policyRecord, readPolicies, setFindings } from '../../config/policy-file.ts'
import type { LoadedPolicy } from '../../config/policy-file.ts'
import type { Encoder } from '../../contracts/decode.ts'
import { HsError } from '../../contracts/failure.ts'
import { parsePolicy } from '../../contracts/policy.ts'
import type { PolicyRecord } from '../../contracts/records.ts'
import { broadcast } from '../../runtime/broadcast.ts'
import type { Clock, LogPort } from '../../runtime/ports.ts'
import type { Projector } from './projector.ts'
import type { AppliedPolicy } from './views.ts'

/**
 * The documents of a file. Errors: HS_POLICY with file:line:column of every error; warnings are no
 * reason to refuse.
 */
export function checkedPolicies(input: string | Uint8Array, file: string): readonly LoadedPolicy[] {
  const { policies, findings } = readPolicies(input, file)
  const errors = findings.filter(({ severity }) => severity === 'error')
  if (errors.length > 0) throw new HsError('HS_POLICY', errors.map(formatFinding).join('\n'))
  return policies
}

export interface ApplyOptions {
  readonly author: string
  readonly comment: string | null
  readonly dryRun: boolean
  /** Also what is unchanged is written, in the version it has, for tasks that passed it by. */
  readonly again: boolean
}

export interface PolicyStoreOptions {
  readonly log: LogPort
  readonly encoder: Encoder
  readonly clock: Clock
  /** Tells which versions there are. */
  readonly views: Pick<Projector, 'model' | 'notReady'>
  readonly prefix: string
  readonly partitions: number
}

/** A document that is no JSON never came into force; it undoes nothing. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

const VISIBLE_MS = 5_000
const LOOK_MS = 5

export class PolicyStore {
  private readonly options: PolicyStoreOptions
  private turn: Promise<unknown> = Promise.resolve()

  constructor(options: PolicyStoreOptions) {
    this.options = options
  }

  /**
   * Applies the drafts in their order; applies take turns, and each ends when the read model shows
   * its versions.
   * Errors: HS_LOG when the views were not read whole yet, or when the log did not take the drafts
   * or did not show them in time, or somebody else took their versions (repeat the apply: it is
   * harmless).
   */
  apply(drafts: readonly LoadedPolicy[], options: ApplyOptions): Promise<readonly AppliedPolicy[]> {
    const mine = this.turn.then(() => this.applyNow(drafts, options))
    this.turn = mine.catch(() => undefined)
    return mine
  }

  private async applyNow(
    drafts: readonly LoadedPolicy[],
    options: ApplyOptions,
  ): Promise<readonly AppliedPolicy[]> {
    await this.whole()
    this.checkTogether(drafts)
    const planned = drafts.map((draft) => this.plan(draft, options))
    const changed = planned.filter(({ applied }) => applied.outcome !== 'unchanged')
    if (!options.dryRun && changed.length > 0) {
      await this.write(changed.map(({ record }) => record))
      await this.visible(changed.map(({ record }) => record))
    }
    return planned.map(({ applied }) => applied)
  }

  /** Errors: HS_POLICY for drafts that would undo each other's work, or what is in force. */
  private checkTogether(drafts: readonly LoadedPolicy[]): void {
    const inForce = this.options.views.model.policies().flatMap(({ document }) => {
      const parsed = parsePolicy(jsonOf(document))
      return parsed.ok && parsed.document.kind === 'HealPolicy' ? [parsed.document] : []
    })
    const findings = setFindings([{ file: 'policies', policies: drafts }], inForce)
    const errors = findings.filter(({ severity }) => severity === 'error')
    if (errors.length > 0) throw new HsError('HS_POLICY', errors.map(formatFinding).join('\n'))
  }

  /** Who has not read all versions gives out one that is over already, and tasks pass it by. */
  private async whole(): Promise<void> {
    const { clock, views } = this.options
    const until = clock.monotonicMs() + VISIBLE_MS
    for (let why = views.notReady(); why.length > 0; why = views.notReady()) {
      if (clock.monotonicMs() > until)
        throw new HsError('HS_LOG', `what is in force is not known yet: ${why.join('; ')}`, {
          fix: 'Nothing was sent. Apply them again in a moment.',
        })
      await clock.sleep(LOOK_MS)
    }
  }

  private plan(
    draft: LoadedPolicy,
    options: ApplyOptions,
  ): { readonly record: PolicyRecord; readonly applied: AppliedPolicy } {
    const { name, kind } = draft.document
    const { sha256 } = draft
    const held = this.options.views.model.policy(kind, name)
    const same = held !== null && !held.record.deleted && held.record.sha256 === sha256
    const whole = same && held.partitions === this.options.partitions
    const version = same ? held.record.version : (held?.record.version ?? 0) + 1
    const { author, comment } = options
    const atMs = this.options.clock.nowMs()
    const record = policyRecord(draft, { version, author, atMs, comment })
    const isNew = held === null ? 'created' : 'updated'
    const outcome = !whole ? isNew : options.again ? 'repeated' : 'unchanged'
    return { record, applied: { name, kind, version, sha256, outcome, dry_run: options.dryRun } }
  }

  private async write(records: readonly PolicyRecord[]): Promise<void> {
    const { log, encoder, prefix, partitions } = this.options
    const how = { encoder, prefix, partitions, clusterId: await log.clusterId(), source: '/api' }
    const producer = log.producer()
    try {
      for (const body of records) await broadcast({ topic: 'policies', body }, { ...how, producer })
    } catch (error) {
      throw new HsError('HS_LOG', 'the log did not take the policies', {
        fix: 'Apply them again: what was written already stays as it is.',
        cause: error,
      })
    } finally {
      await producer.close()
    }
  }

  /** So that whoever applies next, or reads, finds what was applied. */
  private async visible(records: readonly PolicyRecord[]): Promise<void> {
    const { clock, views, partitions } = this.options
    const until = clock.monotonicMs() + VISIBLE_MS
    const heldOf = ({ kind, name }: PolicyRecord) => views.model.policy(kind, name)
    const missing = (): boolean =>
      records.some((record) => {
        const held = heldOf(record)
        if (held === null || held.record.version < record.version) return true
        return held.record.version === record.version && held.partitions < partitions
      })
    while (missing()) {
      if (clock.monotonicMs() > until)
        throw new HsError('HS_LOG', 'the policies were written, but cannot be read back yet', {
          fix: 'Look with `healstream get policies`, then apply them again if they are not there.',
        })
      await clock.sleep(LOOK_MS)
    }
    for (const record of records) {
      const { version, sha256, author } = heldOf(record)?.record ?? record
      if (sha256 === record.sha256) continue
      const what = `${record.kind} ${record.name} is at version ${version} of ${author}`
      throw new HsError('HS_LOG', `${what} by now, which is another`, {
        fix: 'Look with `healstream policy get NAME`; apply yours again if it is to replace it.',
      })
    }
  }
}
