// Words of people: holds and kill switches stop automation until they are released or run out, and
// nothing automatic ever takes them back.
import type { OperatorRecord } from '../../contracts/records.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import { sortedKeys } from '../kernel/order.ts'

/** What it stops; names as people wrote them. */
interface Scope {
  readonly fleet: boolean
  readonly service: string | null
  readonly instance: string | null
  readonly policy: string | null
}

export interface Hold {
  readonly id: string
  readonly kind: 'hold' | 'kill_switch'
  readonly scope: Scope
  readonly actor: string
  readonly reason: string
  readonly expiresAtMs: number | null
}

/** By id of the operator record. */
export type Holds = Map<string, Hold>

/**
 * After a loss of the journal nobody knows what was done before, to whom and when: everything is
 * held until a person releases it, so that cool-downs and budgets cannot be used twice.
 */
export function holdsAtBirth(afterLossMs: number | undefined): Holds {
  if (afterLossMs === undefined) return new Map()
  const id = afterLossHold(afterLossMs)
  const scope = { fleet: true, service: null, instance: null, policy: null }
  const reason = 'the journal was lost: what was done before is not known'
  const said = { actor: 'init --after-loss', reason, expiresAtMs: null }
  return new Map([[id, { id, kind: 'hold', scope, ...said }]])
}

/** What a release has to refer to. An older loss has another, so that no old release fits. */
export function afterLossHold(afterLossMs: number): string {
  return `after-loss-${afterLossMs}`
}

export type HoldChange =
  | { readonly done: 'held'; readonly hold: Hold }
  | { readonly done: 'released'; readonly hold: Hold }
  /** Understood by nobody here; the sentence says why. */
  | { readonly done: 'nothing'; readonly why: string }

export function applyOperator(holds: Holds, record: OperatorRecord): HoldChange {
  switch (record.kind) {
    case 'hold':
    case 'kill_switch': {
      const { id, kind, scope, actor, reason, expires_at_ms: expiresAtMs } = record
      const hold: Hold = { id, kind, scope, actor, reason, expiresAtMs }
      if (isEmpty(scope)) return { done: 'nothing', why: 'its scope is empty and selects nothing' }
      holds.set(id, hold)
      return { done: 'held', hold }
    }
    case 'release': {
      const hold = holds.get(record.refers_to ?? '')
      if (hold === undefined) return { done: 'nothing', why: 'there is no such hold' }
      holds.delete(hold.id)
      return { done: 'released', hold }
    }
    case 'note':
      return { done: 'nothing', why: 'kept as a note' }
    case 'approval':
    case 'manual_command':
    case 'unknown':
      return { done: 'nothing', why: `this version does nothing on ${record.kind}` }
  }
}

function isEmpty({ fleet, service, instance, policy }: Scope): boolean {
  return !fleet && service === null && instance === null && policy === null
}

/** Forgets holds that have run out. */
export function expireHolds(holds: Holds, nowMs: number): void {
  for (const id of sortedKeys(holds)) {
    const expiresAtMs = holds.get(id)?.expiresAtMs ?? null
    if (expiresAtMs !== null && expiresAtMs <= nowMs) holds.delete(id)
  }
}

/** Everything a scope names must fit; `fleet` fits everything. */
function covers(scope: Scope, at: { service: string; instance: string; policy: string }): boolean {
  if (scope.fleet) return true
  return (
    (scope.service === null || scope.service === at.service) &&
    (scope.instance === null || scope.instance === at.instance) &&
    (scope.policy === null || scope.policy === at.policy)
  )
}

/** The hold that stops this, or null; kill switches first, then in order of id. */
export function holdOn(
  holds: Holds,
  at: { service: string; instance: string; policy: string },
): Hold | null {
  const found = sortedKeys(holds)
    .flatMap((id) => holds.get(id) ?? [])
    .filter(({ scope }) => covers(scope, at))
  return found.find(({ kind }) => kind === 'kill_switch') ?? found[0] ?? null
}

const HOLD_KINDS = { hold: true, kill_switch: true } as const

export function saveHolds(holds: Holds, to: ImageWriter): void {
  to.int(holds.size)
  for (const { id, kind, scope, actor, reason, expiresAtMs } of holds.values()) {
    to.text(id).text(kind).flag(scope.fleet)
    to.textOrNull(scope.service).textOrNull(scope.instance).textOrNull(scope.policy)
    to.text(actor).text(reason).numberOrNull(expiresAtMs)
  }
}

export function loadHolds(from: ImageReader): Holds {
  const held = from.list<Hold>(() => ({
    id: from.text(),
    kind: from.oneOf(HOLD_KINDS),
    scope: loadScope(from),
    actor: from.text(),
    reason: from.text(),
    expiresAtMs: from.numberOrNull(),
  }))
  return new Map(held.map((hold) => [hold.id, hold]))
}

function loadScope(from: ImageReader): Scope {
  return {
    fleet: from.flag(),
    service: from.textOrNull(),
    instance: from.textOrNull(),
    policy: from.textOrNull(),
  }
}
