// Finds a host for an instance whose own is lost (S3-29 to S3-31). What hosts offer stands in the
// metadata of registrations, of instances in service and of those in standby: `host_cpu` (cores),
// `host_memory` (MiB), `host_labels` (comma-separated); what an instance needs: `cpu`, `memory`,
// `labels`. What was placed and has not registered yet takes its room already. The table is that of
// the task's own partition: an agent refuses what its host has no room for.
import type { AgentId } from '../../contracts/ids.ts'
import type { PlanAction } from '../../contracts/plan.ts'
import type { InstanceFacts } from '../kernel/facts.ts'
import { type Host, type Placed, type Resources, schedule } from '../plan/schedule.ts'
import type { Case } from './guard-input.ts'
import { keyOf } from './plan-scene.ts'
import type { Turn } from './state.ts'

/** A host that can be asked. */
export interface Place {
  readonly host: string
  readonly agent: AgentId
  readonly agentEpoch: number
}

const NUMBER = /^(?:0|[1-9]\d{0,8})(?:\.\d{1,6})?$/

function amount(text: string | undefined): number {
  return text !== undefined && NUMBER.test(text) ? Number(text) : 0
}

function needsOf({ metadata = {} }: InstanceFacts, args: PlanAction['args'] = {}): Resources {
  return {
    cpu: amount(args['cpu'] ?? metadata['cpu']),
    memory: amount(args['memory'] ?? metadata['memory']),
  }
}

function labelsOf(text: string | undefined): readonly string[] {
  return (text ?? '').split(',').filter((label) => label !== '')
}

function hostOf({ host, agent }: InstanceFacts): string | null {
  return host ?? agent
}

interface Table {
  readonly hosts: readonly Host[]
  readonly places: ReadonlyMap<string, Place>
  readonly placed: readonly Placed[]
}

/** Hosts that are heard, and what runs on them or is on its way there. */
function tableOf({ facts, state }: Turn): Table {
  const hosts = new Map<string, Host>()
  const places = new Map<string, Place>()
  const placed: Placed[] = []
  const hostOfAgent = new Map<string, string>()
  const byKey = new Map<string, InstanceFacts>()
  for (const { instances } of facts.services) {
    for (const one of instances) {
      const name = hostOf(one)
      byKey.set(one.key, one)
      if (name === null || one.lifecycle === 'gone') continue
      const { metadata = {}, agent, agentEpoch, zone } = one
      if (one.lifecycle !== 'standby') {
        placed.push({ key: one.key, service: one.service, host: name, needs: needsOf(one) })
      }
      if (agent === null || !one.agentHeard) continue
      hostOfAgent.set(agent, name)
      const offers = { cpu: amount(metadata['host_cpu']), memory: amount(metadata['host_memory']) }
      if (places.has(name) && offers.cpu === 0 && offers.memory === 0) continue
      places.set(name, { host: name, agent, agentEpoch })
      hosts.set(name, { name, zone, offers, labels: labelsOf(metadata['host_labels']) })
    }
  }
  for (const incident of state.incidents.values()) {
    for (const { action, command, state: ended } of incident.run?.calls ?? []) {
      const one = byKey.get(keyOf(incident))
      const host = command === null ? undefined : hostOfAgent.get(command.agent)
      const isComing = action === 'reschedule' && ended !== 'failed'
      if (!isComing || one === undefined || host === undefined || hostOf(one) === host) continue
      placed.push({ key: one.key, service: one.service, host, needs: needsOf(one) })
    }
  }
  return { hosts: [...hosts.values()], places, placed }
}

/** Where the instance shall run, or null: it fits nowhere now. */
export function placeFor(turn: Turn, { facts }: Case, args: PlanAction['args']): Place | null {
  const { hosts, places, placed } = tableOf(turn)
  const own = hostOf(facts)
  const { key, service, metadata = {} } = facts
  const wanting = {
    key,
    service,
    needs: needsOf(facts, args),
    labels: labelsOf(metadata['labels']),
    notOn: own === null ? [] : [own],
  }
  const elsewhere = placed.filter((one) => one.key !== key)
  const name = schedule(hosts, elsewhere, [wanting]).assigned.get(key)
  return name === undefined ? null : (places.get(name) ?? null)
}
