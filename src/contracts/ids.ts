// Branded ids: a string that has passed its check, so that a service cannot be handed where an
// instance is due.
import { isUtf8 } from './utf8.ts'

declare const brand: unique symbol
export type Brand<T, B extends string> = T & { readonly [brand]: B }

export type ClusterId = Brand<string, 'ClusterId'>
export type ServiceId = Brand<string, 'ServiceId'>
export type InstanceId = Brand<string, 'InstanceId'>
export type AgentId = Brand<string, 'AgentId'>
export type IncidentId = Brand<string, 'IncidentId'>
export type CommandId = Brand<string, 'CommandId'>
export type EventId = Brand<string, 'EventId'>
export type PolicyName = Brand<string, 'PolicyName'>
/** `s<p>` for the service task of partition p, `fleet` for the fleet task. */
export type TaskId = Brand<string, 'TaskId'>

/**
 * Longest id in bytes of UTF-8. Keys of this size keep a telemetry record under Kafka's default
 * limits by far.
 */
export const ID_BYTES_MAX = 255

/**
 * What is wrong with `text` as an id, or null. Ids are shown to people, used as keys and put in
 * file names of exports, so control characters, path separators alone (`.`/`..`) and lone
 * surrogates are refused.
 */
export function idProblem(text: string): string | null {
  if (text.length === 0) return 'is empty'
  if (text === '.' || text === '..') return 'is a path step'
  let bytes = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c < 0x20 || c === 0x7f) return `has a control character at ${i}`
    if (c < 0x80) bytes += 1
    else if (c < 0x800) bytes += 2
    else if (c >= 0xd800 && c <= 0xdfff) {
      const d = text.charCodeAt(i + 1)
      if (c >= 0xdc00 || !(d >= 0xdc00 && d <= 0xdfff)) return `has half a surrogate pair at ${i}`
      bytes += 4
      i += 1
    } else bytes += 3
  }
  return bytes > ID_BYTES_MAX ? `is ${bytes} bytes long, at most ${ID_BYTES_MAX} are allowed` : null
}

/**
 * The bytes from `start` to `end` are text that may be shown: well-formed UTF-8, no control
 * character, not longer than an id may be. Empty text is text.
 */
export function isTextBytes(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > ID_BYTES_MAX) return false
  let seen = 0
  for (let i = start; i < end; i++) {
    const byte = bytes[i] ?? 0
    if (byte < 0x20 || byte === 0x7f) return false
    seen |= byte
  }
  return seen < 0x80 || isUtf8(bytes, start, end)
}

/**
 * `idProblem` finds nothing in the text of the bytes from `start` to `end`, told without making the
 * text.
 */
export function isIdBytes(bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start
  if (length < 1 || !isTextBytes(bytes, start, end)) return false
  if (length > 2 || bytes[start] !== 0x2e) return true
  return length === 2 && bytes[start + 1] !== 0x2e
}

function checked<B extends string>(what: B): (text: string) => Brand<string, B> {
  return (text) => {
    const problem = idProblem(text)
    if (problem !== null) throw new RangeError(`${what} ${problem}`)
    return text as Brand<string, B>
  }
}

export const clusterId: (text: string) => ClusterId = checked('ClusterId')
export const serviceId: (text: string) => ServiceId = checked('ServiceId')
export const instanceId: (text: string) => InstanceId = checked('InstanceId')
export const agentId: (text: string) => AgentId = checked('AgentId')
export const incidentId: (text: string) => IncidentId = checked('IncidentId')
export const commandId: (text: string) => CommandId = checked('CommandId')
export const eventId: (text: string) => EventId = checked('EventId')
export const policyName: (text: string) => PolicyName = checked('PolicyName')
export const taskId: (text: string) => TaskId = checked('TaskId')
