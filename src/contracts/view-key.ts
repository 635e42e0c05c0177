// Keys of the compacted views hs.health and hs.registry: one per instance, one for the service as a
// whole.
import type { InstanceId, ServiceId } from './ids.ts'

/** `%` and `/` are the only characters with a meaning in a key. */
function escaped(part: string): string {
  return part.replaceAll('%', '%25').replaceAll('/', '%2F')
}

/**
 * `service` for the service as a whole, `service/instance` for an instance; no two pairs share a
 * key. Ids that contain `/` or `%` are percent-encoded.
 */
export function viewKey(service: ServiceId | string, instance: InstanceId | string | null): string {
  return instance === null ? escaped(service) : `${escaped(service)}/${escaped(instance)}`
}
