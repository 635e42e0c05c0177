// Versions of the configurations that agents run with (`AgentConfig` of hs.policies), and which one
// to go back to (S3-43: "republish of an old version as a new version"). Documents themselves stay
// in the log: a command names versions, and is refused by who carries it out once another one is in
// force.
import type { PolicyRecord } from '../../contracts/records.ts'
import { encodeUtf8 } from '../../contracts/utf8.ts'
import { hex } from '../kernel/canonical.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'

/** Versions remembered of one configuration. */
export const VERSIONS_MAX = 16

interface ConfigVersion {
  readonly version: number
  /** Of the document; null: taken out of force. */
  readonly sha256: string | null
}

/** By name, oldest first, the last one in force. */
export type Configs = Map<string, readonly ConfigVersion[]>

export function noteConfig(
  configs: Configs,
  { name, version, deleted, document }: PolicyRecord,
  sha256: (bytes: Uint8Array) => Uint8Array,
): void {
  const known = configs.get(name) ?? []
  if (!Number.isSafeInteger(version) || version <= (known.at(-1)?.version ?? 0)) return
  const digest = deleted ? null : hex(sha256(encodeUtf8(document)))
  configs.set(name, [...known, { version, sha256: digest }].slice(-VERSIONS_MAX))
}

/**
 * The version in force and the one to publish anew: `to`, or the newest other one before what is in
 * force was published first, so that a rollback is not rolled back to what it was for. A text: why
 * there is none.
 */
export function rollbackOf(
  known: readonly ConfigVersion[] | undefined,
  to: number | null,
): { readonly from: number; readonly to: number } | string {
  const current = known?.at(-1)
  if (known === undefined || current === undefined) return 'no version of it is known'
  if (to === null) {
    const first = known.findIndex(({ sha256 }) => sha256 === current.sha256)
    const before = known.slice(0, first).findLast(({ sha256 }) => sha256 !== null)
    if (before === undefined) return `no other version is known before ${current.version}`
    return { from: current.version, to: before.version }
  }
  const target = known.find(({ version }) => version === to)
  if (target === undefined || target.sha256 === null) return `there is no version ${to}`
  if (target.sha256 === current.sha256) return `version ${current.version} is the same as ${to}`
  return { from: current.version, to }
}

export function saveConfigs(configs: Configs, to: ImageWriter): void {
  to.int(configs.size)
  for (const [name, versions] of configs) {
    to.text(name).int(versions.length)
    for (const { version, sha256 } of versions) to.int(version).textOrNull(sha256)
  }
}

export function loadConfigs(from: ImageReader): Configs {
  const versionsOf = (): readonly ConfigVersion[] =>
    from.list(() => ({ version: from.int(), sha256: from.textOrNull() }))
  return new Map(from.list(() => [from.text(), versionsOf()]))
}
