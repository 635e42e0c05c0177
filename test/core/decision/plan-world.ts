// The small world of healing with plans: the behaviour that knows them, a fleet task that is heard
// and gives a token whenever none is left.
import { taskId } from '../../../src/contracts/ids.ts'
import type { CommandResult, ResultOutcome } from '../../../src/contracts/records.ts'
import type { HealingAnswer } from '../../../src/core/decision/healing.ts'
import { leaseId } from '../../../src/core/fleet/budget.ts'
import { BEHAVIOUR_JUDGEMENT } from '../../../src/core/kernel/behaviour.ts'
import type { Facts, InstanceFacts } from '../../../src/core/kernel/facts.ts'
import { LOOSE, World } from './world.ts'

export class PlanWorld extends World {
  readonly notified: string[] = []

  constructor() {
    super(1_000_000, BEHAVIOUR_JUDGEMENT)
    this.guards({ ...LOOSE, groupMin: 100, healShareMax: 1 })
  }

  ladder(ladder: readonly object[], some: object = {}): void {
    const spec = { match: { services: ['*'] }, mode: 'enforce', trigger: 'health == "unhealthy"' }
    this.document('HealPolicy', 'plan', { ...spec, ladder, ...some })
  }

  override step(
    instances: readonly InstanceFacts[],
    some: Partial<Facts> & { afterMs?: number } = {},
  ): HealingAnswer {
    const nowMs = this.nowMs + (some.afterMs ?? 0)
    const { fleet } = this.state
    const pulse = { as_of_ms: nowMs, reporters_expected: 3, reporters_seen: 3, blind: false }
    const head = { task: taskId('s0'), gen: 1, at_ms: nowMs, verdict: null }
    fleet.evolve({ ...head, seq: fleet.seq + 1, kind: 'pulse', pulse, grant: null }, nowMs)
    if (fleet.tokens(nowMs) === 0) {
      const lease = { lease_id: leaseId(fleet.seq + 1), budget: 'fleet', tokens: 9 }
      const grant = { ...lease, deadline_ms: nowMs + 9_000_000 }
      fleet.evolve({ ...head, seq: fleet.seq + 1, kind: 'grant', pulse: null, grant }, nowMs)
    }
    const answer = super.step(instances, some)
    this.notified.push(...answer.notifications.map(({ name, to }) => to ?? name))
    return answer
  }

  /** What the agent says of the command of an action that was ordered last. */
  answer(action: string, outcome: ResultOutcome, some: Partial<CommandResult> = {}): void {
    const command = this.commands.findLast((one) => one.action === action)
    if (command === undefined) throw new Error(`no ${action} was ordered`)
    const { target, command_id, incident_id, seq } = command
    this.result(outcome, {
      service: target.service,
      instance: target.instance,
      agent: target.agent,
      epoch: target.agent_epoch,
      command_id,
      incident_id,
      command_seq: seq,
      action,
      ...some,
    })
  }

  /** Actions ordered so far, each with its instance. */
  get ordered(): readonly string[] {
    return this.commands.map(({ action, target }) => `${action} ${target.instance}`)
  }
}
