// What must hold of what was said about many faults: each incident has its four parts in causal
// order (S0-39), and from any one record of it all others are reached by ids alone (S0-57).
import { expect } from 'vitest'
import type { Evidence } from '../../src/contracts/records.ts'
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

/**
 * S0-39: anomaly, incident, command, result of every fault that was injected; no orphan command;
 * every loop is closed, also of what else was seen on a busy machine (somebody silent for a while).
 */
export function checkLoops(reads: readonly Read[], faults: number): void {
  const injected = reads.flatMap((read) => {
    const isExit = read.kind === 'signals' && read.body.process?.event === 'exited'
    return isExit ? [read.body.instance] : []
  })
  expect(new Set(injected).size).toBe(faults)
  const incidents = incidentsOf(reads)
  const commanded = new Set<string>()
  for (const read of reads) {
    if (read.kind !== 'commands') continue
    const said = incidents.get(read.body.incident_id)
    expect(said).toBeDefined()
    checkLoop(reads, { command: read, said: said ?? [] })
    commanded.add(read.body.target.instance)
  }
  for (const instance of injected) expect(commanded).toContain(instance)
  for (const said of incidents.values()) {
    const [ended] = said.flatMap((read) => (read.kind === 'incidents' ? [read.body] : [])).slice(-1)
    expect(['recovered', 'escalated']).toContain(ended?.state)
  }
}

/** The four parts of one incident, in causal order by the log's time. */
function checkLoop(
  reads: readonly Read[],
  at: { readonly command: Extract<Read, { kind: 'commands' }>; readonly said: readonly Read[] },
): void {
  const { command, said } = at
  const events = said.flatMap((read) => (read.kind === 'incidents' ? [read.body] : []))
  const [first] = events
  const results = reads.filter((read) => {
    return read.kind === 'results' && read.body.command_id === command.body.command_id
  })
  const evidence = first?.evidence ?? []
  const anomaly = reads.find(({ kind, place }) => {
    return kind === 'signals' && evidence.some((one) => place === placeOf(one))
  })
  expect(first?.event).toBe('detected')
  expect(results.length).toBe(1)
  const order = [
    anomaly?.appendMs,
    first?.at_ms,
    command.body.issued_at_ms,
    results[0]?.appendMs,
    events.at(-1)?.at_ms,
  ]
  expect(order).not.toContain(undefined)
  expect(order).toEqual(order.toSorted((a, b) => Number(a) - Number(b)))
  const steps = events.map(({ event }) => event)
  expect(steps.indexOf('matched')).toBeGreaterThan(0)
  expect(steps.indexOf('commanded')).toBeGreaterThan(steps.indexOf('matched'))
  expect(steps.lastIndexOf('acted')).toBeGreaterThan(steps.indexOf('commanded'))
}

function placeOf({ topic, partition, offset }: Evidence): string {
  return `${topic}:${partition}:${offset}`
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
  return [...ids, ...read.body.evidence.filter(({ topic }) => topic !== null).map(placeOf)]
}

/** S0-57: telemetry, incident, command, result, alert and trace of each, and of no other. */
export function checkLinks(reads: readonly Read[], atLeast: number): void {
  const told = reads.filter((read) => read.kind === 'signals' || read.body.incident_id !== 'ops')
  const holders = new Map<string, Read[]>()
  for (const read of told)
    for (const id of idsOf(read)) holders.set(id, [...(holders.get(id) ?? []), read])
  const acted = new Set<string>(
    reads.flatMap((read) => {
      return read.kind === 'commands' ? [read.body.incident_id] : []
    }),
  )
  expect(acted.size).toBeGreaterThanOrEqual(atLeast)
  for (const [id, [first]] of incidentsOf(reads)) {
    if (!acted.has(id)) continue
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
