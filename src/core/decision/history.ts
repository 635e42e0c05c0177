// What our hand did, as far as the guards ask: cool-downs per policy and target, the last action
// per service, actions of the last minute, attempts without effect.
import { viewKey } from '../../contracts/view-key.ts'
import type { InstanceId, PolicyName, ServiceId } from '../../contracts/ids.ts'
import type { GuardLimits } from '../../contracts/limits.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'

/** The brake of one policy on one target. */
export interface Brake {
  lastAtMs: number
  /** Cool-down in force when it acted, before doubling. */
  baseMs: number
  /** Attempts without effect in a row. */
  failures: number
}

export interface History {
  /** By policy and target. */
  readonly brakes: Map<string, Brake>
  readonly serviceLastMs: Map<string, number>
  /** Log times of actions, oldest first; one minute is kept. */
  recentMs: readonly number[]
  /** By target: log times of attempts without effect, oldest first. */
  readonly ineffectiveMs: Map<string, readonly number[]>
  /** Last sequence number by agent. */
  readonly seqs: Map<string, number>
}

export function newHistory(): History {
  return {
    brakes: new Map(),
    serviceLastMs: new Map(),
    recentMs: [],
    ineffectiveMs: new Map(),
    seqs: new Map(),
  }
}

export const RATE_SPAN_MS = 60_000

export interface Acted {
  readonly service: ServiceId
  /** null: the service as a whole. */
  readonly instance: InstanceId | null
  readonly policy: PolicyName
}

function brakeKey({ service, instance, policy }: Acted): string {
  return `${viewKey(service, instance)}/${viewKey(policy, null)}`
}

/** An action was ordered. */
export function noteAction(
  history: History,
  acted: Acted,
  at: { nowMs: number; baseMs: number },
): void {
  const { nowMs, baseMs } = at
  const key = brakeKey(acted)
  const failures = history.brakes.get(key)?.failures ?? 0
  history.brakes.set(key, { lastAtMs: nowMs, baseMs, failures })
  history.serviceLastMs.set(acted.service, nowMs)
  history.recentMs = [...recentActions(history, nowMs), nowMs]
}

/** The action helped, or it did not. */
export function noteEffect(
  history: History,
  acted: Acted,
  at: { nowMs: number; helped: boolean },
): void {
  const brake = history.brakes.get(brakeKey(acted))
  if (brake !== undefined) brake.failures = at.helped ? 0 : brake.failures + 1
  if (at.helped) return
  const key = viewKey(acted.service, acted.instance)
  history.ineffectiveMs.set(key, [...(history.ineffectiveMs.get(key) ?? []), at.nowMs])
}

/** Log time at which the policy may act on the target again, or null when it never did. */
export function coolUntilMs(history: History, acted: Acted, limits: GuardLimits): number | null {
  const brake = history.brakes.get(brakeKey(acted))
  if (brake === undefined) return null
  const ceiling = Math.max(brake.baseMs, limits.cooldownMaxMs)
  let waitMs = brake.baseMs
  for (let i = 0; i < brake.failures && waitMs < ceiling; i++) waitMs *= 2
  return brake.lastAtMs + Math.min(waitMs, ceiling)
}

export function recentActions(history: History, nowMs: number): readonly number[] {
  return history.recentMs.filter((atMs) => atMs > nowMs - RATE_SPAN_MS)
}

/** Attempts without effect on the target inside the span, oldest first. */
export function ineffectiveAttempts(
  history: History,
  at: { service: ServiceId; instance: InstanceId | null },
  { nowMs, spanMs }: { nowMs: number; spanMs: number },
): readonly number[] {
  const key = viewKey(at.service, at.instance)
  const kept = (history.ineffectiveMs.get(key) ?? []).filter((atMs) => atMs > nowMs - spanMs)
  if (kept.length === 0) history.ineffectiveMs.delete(key)
  else history.ineffectiveMs.set(key, kept)
  return kept
}

/** Next sequence number for an agent. */
export function nextSeq(history: History, agent: string): number {
  const seq = (history.seqs.get(agent) ?? 0) + 1
  history.seqs.set(agent, seq)
  return seq
}

/** No cool-down and no span of a guard is longer than this (contracts/policy.ts). */
const KEPT_MS = 7 * 86_400_000

/** Forgets what no guard can ask about any more. */
export function pruneHistory(history: History, nowMs: number): void {
  const oldestMs = nowMs - KEPT_MS
  for (const [key, brake] of history.brakes) {
    if (brake.lastAtMs < oldestMs) history.brakes.delete(key)
  }
  for (const [key, lastMs] of history.serviceLastMs) {
    if (lastMs < oldestMs) history.serviceLastMs.delete(key)
  }
  for (const [key, times] of history.ineffectiveMs) {
    if ((times.at(-1) ?? 0) < oldestMs) history.ineffectiveMs.delete(key)
  }
}

export function saveHistory(history: History, to: ImageWriter): void {
  const { brakes, serviceLastMs, recentMs, ineffectiveMs, seqs } = history
  to.int(brakes.size)
  for (const [key, { lastAtMs, baseMs, failures }] of brakes) {
    to.text(key).number(lastAtMs).number(baseMs).int(failures)
  }
  to.int(serviceLastMs.size)
  for (const [service, atMs] of serviceLastMs) to.text(service).number(atMs)
  to.numbers(recentMs).int(ineffectiveMs.size)
  for (const [key, times] of ineffectiveMs) to.text(key).numbers(times)
  to.int(seqs.size)
  for (const [agent, seq] of seqs) to.text(agent).int(seq)
}

export function loadHistory(from: ImageReader): History {
  return {
    brakes: new Map(from.list(() => [from.text(), loadBrake(from)])),
    serviceLastMs: new Map(from.list(() => [from.text(), from.number()])),
    recentMs: from.numbers(),
    ineffectiveMs: new Map(from.list(() => [from.text(), from.numbers()])),
    seqs: new Map(from.list(() => [from.text(), from.int()])),
  }
}

function loadBrake(from: ImageReader): Brake {
  return { lastAtMs: from.number(), baseMs: from.number(), failures: from.int() }
}
