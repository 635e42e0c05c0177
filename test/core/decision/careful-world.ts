// The small world under behaviour 3, with a fleet task that is always there: a fresh pulse before
// every step, and tokens enough.
import { taskId } from '../../../src/contracts/ids.ts'
import type { FleetRecord, OperatorRecord } from '../../../src/contracts/records.ts'
import { leaseId } from '../../../src/core/fleet/budget.ts'
import type { HealingAnswer } from '../../../src/core/decision/healing.ts'
import type { InstanceFacts } from '../../../src/core/kernel/facts.ts'
import { RESTART, World } from './world.ts'

const BEHAVIOUR = 3
const FOREVER_MS = 1e15

export class CarefulWorld extends World {
  private seq = 0

  constructor() {
    super(1_000_000, BEHAVIOUR)
    this.says({
      kind: 'grant',
      grant: { lease_id: leaseId(1), budget: 'fleet', tokens: 1_000, deadline_ms: FOREVER_MS },
    })
  }

  says(part: Partial<FleetRecord>): void {
    this.seq += 1
    const record: FleetRecord = {
      task: taskId('s0'),
      seq: this.seq,
      gen: 1,
      at_ms: this.nowMs,
      kind: 'pulse',
      pulse: null,
      grant: null,
      verdict: null,
      ...part,
    }
    this.state.fleet.evolve(record, this.nowMs)
  }

  override step(
    instances: readonly InstanceFacts[],
    some: Parameters<World['step']>[1] = {},
  ): HealingAnswer {
    const pulse = {
      as_of_ms: this.nowMs + (some.afterMs ?? 0),
      reporters_expected: 3,
      reporters_seen: 3,
      blind: false,
    }
    this.says({ kind: 'pulse', pulse })
    return super.step(instances, some)
  }

  approves(actor: string, incident: string, some: Partial<OperatorRecord> = {}): void {
    this.operator({ kind: 'approval', actor, refers_to: incident, verdict: 'approve', ...some })
  }

  /** Restarts what is unhealthy; `author` wrote it. */
  begin(limits: object = {}): void {
    this.policy(RESTART)
    this.guards(limits)
  }
}
