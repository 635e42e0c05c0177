// Sinks as the settings describe them.
import { createAlertmanager } from '../../adapters/notify/alertmanager.ts'
import { createJsonLines } from '../../adapters/notify/json-lines.ts'
import type { Sink } from '../../adapters/notify/sink.ts'
import { createTextLines } from '../../adapters/notify/text-lines.ts'
import { createWebhook } from '../../adapters/notify/webhook.ts'
import type { SinkSettings } from '../../config/notifier-settings.ts'
import { HsError } from '../../contracts/failure.ts'
import type { Clock } from '../../runtime/ports.ts'

const TIMEOUT_MS = 5_000

export interface SinkContext {
  readonly clusterId: string
  readonly clock: Clock
  /** Takes a line of a console sink. */
  readonly say: (line: string) => void
}

/** Errors: HS_CONFIG where the settings were not checked before. */
export function sinkOf(settings: SinkSettings, { clusterId, clock, say }: SinkContext): Sink {
  const { name, kind, path, url, tokenFile = null, timeout: timeoutMs = TIMEOUT_MS } = settings
  if (kind === 'console') return createTextLines(name, say)
  if (kind === 'file' && path !== undefined) return createJsonLines({ name, path, clusterId })
  if (url === undefined)
    throw new HsError('HS_CONFIG', `notifier.sinks: ${name} is a ${kind} without an address`)
  const target = { name, url, tokenFile, timeoutMs }
  return kind === 'alertmanager'
    ? createAlertmanager({ ...target, clock })
    : createWebhook({ ...target, clusterId })
}
