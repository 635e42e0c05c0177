// Records with every field filled in, of which a test names only those it speaks of; who speaks is
// the agent of shop-1, unless said.
import type {
  CommandResult,
  OperatorRecord,
  PolicyRecord,
  ServiceEvent,
  Signal,
  TelemetryDelta,
} from '../../src/contracts/records.ts'
import * as full from '../../src/roles/scenario/records.ts'

type Named<T extends full.Who> = Omit<T, 'service' | 'instance' | 'agent'> &
  Partial<Pick<T, 'service' | 'instance' | 'agent'>>

/** Who speaks; ids as plain text. */
export type Who = Named<full.Who>
export type DeltaWords = Named<full.DeltaWords>
export type EventWords = Named<full.EventWords>
export type ResultWords = Named<full.ResultWords>

const by = ({ service = 'shop', instance = 'shop-1', agent = `agent-of-${instance}` }: Who) => {
  return { service, instance, agent }
}

export function delta(words: DeltaWords): TelemetryDelta {
  return full.delta({ ...words, ...by(words) })
}

export function heartbeat(words: Named<full.HeartbeatWords>): Signal {
  return full.heartbeat({ ...words, ...by(words) })
}

export function probe(words: Named<full.ProbeWords>): Signal {
  return full.probe({ ...words, ...by(words) })
}

export function processEvent(words: Named<full.ProcessWords>): Signal {
  return full.processEvent({ ...words, ...by(words) })
}

export function connection(words: Named<full.ConnectionWords>): Signal {
  return full.connection({ ...words, ...by(words) })
}

export function serviceEvent(words: EventWords): ServiceEvent {
  return full.serviceEvent({ ...words, ...by(words) })
}

export function result(words: ResultWords): CommandResult {
  return full.result({ ...words, ...by(words) })
}

export function policy(words: full.PolicyWords): PolicyRecord {
  return full.policy(words)
}

export function operator(words: full.OperatorWords): OperatorRecord {
  return full.operator(words)
}
