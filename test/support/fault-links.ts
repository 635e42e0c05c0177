// What must hold of what was said about many faults: each incident has its four parts in causal
// order (S0-39), and from any one record of it all others are reached by ids alone (S0-57).
import { expect } from 'vitest'
import type { Read } from './fault-mill.ts'

/** Incidents of instances, by id, each with all that names it or is named by it. */
function incidentsOf(reads: readonly Read[]): ReadonlyMap<string, Read[]> {
  const byId = new Map<string, Read[]>()
  for (const read of reads) {
    if (read.kind !== 'incidents' || read.body.instance === null) continue
    const { incident_id: id } = read.body
    byId.set(id, [...(byId.get(id) ?? []), read])
  }
  return byId
}

/** S0-39: anomaly, incident, command, result; no orphan command; every loop is closed. */
export function checkLoops(reads: readonly Read[], faults: number): void {
  const places = new Map(reads.map((read) => [read.place, read]))
  const incidents = incidentsOf(reads)
  expect(incidents.size).toBe(faults)
  const commands = reads.filter((read) => read.kind === 'commands')
  expect(commands.length).toBe(faults)
  for (const { body } of commands) expect(incidents.has(body.incident_id)).toBe(true)
  for (const [id, said] of incidents) {
    const events = said.flatMap((read) => (read.kind === 'incidents' ? [read] : []))
    const command = commands.find(({ body }) => body.incident_id === id)
    const results = reads.filter((read) => {
      return read.kind === 'results' && read.body.command_id === command?.body.command_id
    })
    const [anomaly] = (events[0]?.body.evidence ?? []).flatMap(({ topic, partition, offset }) => {
      return places.get(`${topic}:${partition}:${offset}`) ?? []
    })
    expect(events[0]?.body.event).toBe('detected')
    expect(anomaly?.kind).toBe('signals')
    expect(results.length).toBe(1)
    const ended = events.at(-1)
    expect(['recovered', 'escalated']).toContain(ended?.body.state)
    const order = [anomaly, events[0], command, results[0], ended].map((read) => read?.appendMs)
    expect(order).not.toContain(undefined)
    expect(order).toEqual(order.toSorted((a, b) => Number(a) - Number(b)))
    const steps = events.map(({ body }) => body.event)
    expect(steps.indexOf('matched')).toBeGreaterThan(0)
    expect(steps.indexOf('commanded')).toBeGreaterThan(steps.indexOf('matched'))
    expect(steps.lastIndexOf('acted')).toBeGreaterThan(steps.indexOf('commanded'))
  }
}

/** Ids that stand on a record. */
function idsOf(read: Read): readonly string[] {
  const ids = [read.place, ...(read.trace === null ? [] : [`trace ${read.trace}`])]
  const also = (kind: string, id: string | null): void => {
    if (id !== null) ids.push(`${kind} ${id}`)
  }
  if (read.kind === 'signals') return ids
  also('incident', read.body.incident_id)
  if (read.kind === 'commands' || read.kind === 'results') also('command', read.body.command_id)
  if (read.kind !== 'incidents') return ids
  also('command', read.body.command_id)
  for (const { topic, partition, offset } of read.body.evidence)
    ids.push(`${topic}:${partition}:${offset}`)
  return ids
}

/** S0-57: telemetry, incident, command, result, alert and trace of each, and of no other. */
export function checkLinks(reads: readonly Read[], atLeast: number): void {
  const told = reads.filter((read) => read.kind === 'signals' || read.body.incident_id !== 'ops')
  const holders = new Map<string, Read[]>()
  for (const read of told)
    for (const id of idsOf(read)) holders.set(id, [...(holders.get(id) ?? []), read])
  const incidents = incidentsOf(reads)
  expect(incidents.size).toBeGreaterThanOrEqual(atLeast)
  for (const [id, [first]] of incidents) {
    const whole = reached(first, holders)
    const kinds = new Set([...whole].map(({ kind }) => kind))
    expect([...kinds].sort()).toEqual(['alerts', 'commands', 'incidents', 'results', 'signals'])
    const named = [...whole].flatMap((read) =>
      read.kind === 'signals' ? [] : read.body.incident_id,
    )
    expect(new Set(named)).toEqual(new Set([id]))
    const traces = [...whole].flatMap(({ trace, kind }) =>
      kind === 'results' ? [] : (trace ?? []),
    )
    expect(new Set(traces).size).toBe(1)
    // From whichever one begins, it is the same.
    for (const one of whole) expect(reached(one, holders).size).toBe(whole.size)
  }
}

function reached(from: Read | undefined, holders: ReadonlyMap<string, readonly Read[]>): Set<Read> {
  const found = new Set<Read>()
  const next = from === undefined ? [] : [from]
  for (let read = next.pop(); read !== undefined; read = next.pop()) {
    if (found.has(read)) continue
    found.add(read)
    for (const id of idsOf(read)) next.push(...(holders.get(id) ?? []))
  }
  return found
}
