// Runs tests of policies on the real core, in virtual time: the same matching, guards and plans
// that a worker runs, with a fleet task that is heard and gives tokens, and agents that answer.
// What the core says is compared with what the test expects; every clause is watched for having
// been true and for having been false.
import { createHash } from 'node:crypto'
import { commandId, policyName, taskId } from '../../contracts/ids.ts'
import type { Command, IncidentEvent, PolicyRecord } from '../../contracts/records.ts'
import {
  decide,
  evolvePolicy,
  evolveResult,
  type HealingState,
  initialHealing,
} from '../../core/decision/healing.ts'
import { policiesOf, type ReadyPolicy } from '../../core/decision/documents.ts'
import { InstanceValues, ServiceValues } from '../../core/decision/fact-values.ts'
import { streakKey } from '../../core/decision/policy.ts'
import { leaseId } from '../../core/fleet/budget.ts'
import { BEHAVIOUR_LATEST } from '../../core/kernel/behaviour.ts'
import type { InstanceFacts, ServiceFacts } from '../../core/kernel/facts.ts'
import type { CoreContext } from '../../core/kernel/step.ts'
import { type LoadedPolicy, policyRecord } from '../../config/policy-file.ts'
import type { Expectation, PolicyTest } from './policy-test-file.ts'
import { instanceFacts, momentOf, serviceFacts } from './policy-test-facts.ts'

/** Log time of the first sample. */
const START_MS = 1_700_000_000_000
/** Steps between two samples that the core asks for, at most. */
const WAKES_MAX = 100

export interface TestFailure {
  readonly atMs: number
  readonly message: string
}

export interface TestOutcome {
  readonly name: string
  readonly line: number
  readonly failures: readonly TestFailure[]
}

/** Of a clause of a policy: whether a test has seen it true, and seen it false. */
export interface ClauseCoverage {
  readonly policy: string
  readonly clause: string
  seenTrue: boolean
  seenFalse: boolean
}

/** Clauses and guards that tests have seen; one for all tests of a run. */
export interface Coverage {
  readonly clauses: Map<string, ClauseCoverage>
  /** Guards that have refused. */
  readonly guards: Set<string>
}

export function newCoverage(): Coverage {
  return { clauses: new Map(), guards: new Set() }
}

const sha256 = (bytes: Uint8Array): Uint8Array =>
  new Uint8Array(createHash('sha256').update(bytes).digest())

const CONTEXT: CoreContext = {
  clusterId: 'policy-test',
  taskId: 's0',
  partition: 0,
  partitionCount: 1,
  behaviour: BEHAVIOUR_LATEST,
  scale: 4,
  sha256,
  decoder: {
    telemetry: () => 'empty',
    decode: () => ({ ok: false, reason: 'empty', detail: 'a test has no records' }),
  },
}

/** Runs one test; `coverage` takes what it sees. */
export function runPolicyTest(
  test: PolicyTest,
  policies: readonly LoadedPolicy[],
  how: { readonly intervalMs: number; readonly coverage: Coverage },
): TestOutcome {
  const run = new Run(test, policies, how)
  const lastMs = Math.max(...test.expect.map(({ at }) => at))
  for (let index = 0; index * how.intervalMs <= lastMs; index++) run.sample(index)
  return { name: test.name, line: test.line, failures: run.failures }
}

/** A policy as the test tries it: on the rung of the test, for whatever service. */
function onRung({ document, canonical, ...rest }: LoadedPolicy, test: PolicyTest): LoadedPolicy {
  if (document.kind !== 'HealPolicy') return { document, canonical, ...rest }
  const value: unknown = JSON.parse(canonical)
  const isBare = typeof value === 'object' && value !== null && !('spec' in value)
  const own: Record<string, unknown> = { ...(isObject(value) ? value : {}) }
  if (isBare) own['mode'] = test.mode
  else own['spec'] = { ...(isObject(own['spec']) ? own['spec'] : {}), mode: test.mode, modes: {} }
  const text = JSON.stringify(own)
  return {
    ...rest,
    document,
    canonical: text,
    sha256: createHash('sha256').update(text).digest('hex'),
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

class Run {
  readonly failures: TestFailure[] = []
  private readonly test: PolicyTest
  private readonly intervalMs: number
  private readonly coverage: Coverage
  private readonly state: HealingState = initialHealing(CONTEXT)
  private readonly events: IncidentEvent[] = []
  private readonly names: readonly string[]
  private stepSeq = 0
  private results = 0
  private open: Command[] = []

  constructor(
    test: PolicyTest,
    policies: readonly LoadedPolicy[],
    { intervalMs, coverage }: { readonly intervalMs: number; readonly coverage: Coverage },
  ) {
    this.test = test
    this.intervalMs = intervalMs
    this.coverage = coverage
    const told = [...new Set(test.series.map(({ instance }) => instance))]
    const others = Array.from({ length: test.others }, (_, i) => `other-${i + 1}`)
    this.names = [...told, ...others.filter((name) => !told.includes(name))].sort(byText)
    for (const policy of policies) this.apply(onRung(policy, test))
  }

  private apply(policy: LoadedPolicy): void {
    const by = { version: 1, author: 'test', atMs: START_MS, comment: null }
    const record: PolicyRecord = policyRecord(policy, by)
    evolvePolicy(this.state, record, START_MS)
    const refused = this.state.notices.at(-1)
    if (refused?.said.event === 'refused') {
      this.failures.push({ atMs: 0, message: refused.said.summary })
    }
    this.state.notices = []
  }

  /** One sample of every series, and the steps that the core asks for until the next one. */
  sample(index: number): void {
    const { test, intervalMs } = this
    const at = { service: test.service, startMs: START_MS }
    const told = new Set(test.series.map(({ instance }) => instance))
    const instances = this.names.map((instance) => {
      const moment = told.has(instance) ? momentOf(test.series, instance, index) : undefined
      return instanceFacts({ ...at, instance }, moment)
    })
    const facts = serviceFacts(test.service, instances)
    const atMs = index * intervalMs
    let wakeAtMs = this.step(facts, atMs)
    for (const expected of test.expect) {
      if (expected.at > atMs - intervalMs && expected.at <= atMs)
        this.compare(expected, facts, atMs)
    }
    this.cover(facts)
    for (let wakes = 0; wakes < WAKES_MAX; wakes++) {
      if (wakeAtMs === null || wakeAtMs - START_MS >= atMs + intervalMs) break
      wakeAtMs = this.step(facts, wakeAtMs - START_MS)
    }
  }

  private step(service: ServiceFacts, atMs: number): number | null {
    const nowMs = START_MS + atMs
    this.stepSeq += 1
    this.fleet(nowMs)
    this.answer(nowMs)
    const answer = decide(this.state, {
      nowMs,
      stepSeq: this.stepSeq,
      behind: false,
      blind: false,
      services: [service],
    })
    const from = this.events.length
    for (const { topic, body } of answer.outputs) {
      if (body === null) continue
      if (topic === 'incidents') this.events.push(body)
      if (topic === 'commands') this.open.push(body)
    }
    this.noteGuards(from)
    return answer.wakeAtMs
  }

  /** A fleet task that is well, and gives a token of every zone whenever none is left. */
  private fleet(nowMs: number): void {
    const { fleet } = this.state
    const pulse = { as_of_ms: nowMs, reporters_expected: 3, reporters_seen: 3, blind: false }
    const head = { task: taskId('s0'), gen: 1, at_ms: nowMs, verdict: null }
    fleet.evolve({ ...head, seq: fleet.seq + 1, kind: 'pulse', pulse, grant: null }, nowMs)
    if (fleet.tokens(nowMs) > 0) return
    const lease = { lease_id: leaseId(fleet.seq + 1), budget: 'fleet', tokens: 9 }
    const grant = { ...lease, deadline_ms: nowMs + 3_600_000 }
    fleet.evolve({ ...head, seq: fleet.seq + 1, kind: 'grant', pulse: null, grant }, nowMs)
  }

  private answer(nowMs: number): void {
    const { answer: outcome } = this.test
    if (outcome === 'none') return
    for (const command of this.open) {
      const { target } = command
      this.results += 1
      evolveResult(
        this.state,
        {
          service: target.service,
          instance: target.instance,
          agent: target.agent,
          epoch: target.agent_epoch,
          lane: 'live',
          seq: this.results,
          command_id: commandId(command.command_id),
          incident_id: command.incident_id,
          action: command.action,
          outcome,
          refusal: null,
          detail: '',
          gen: 1,
          command_seq: command.seq,
          started_at_ms: nowMs,
          ended_at_ms: nowMs,
          incarnation_before: target.incarnation,
          incarnation_after: target.incarnation + 1,
          facts: {},
        },
        nowMs,
      )
    }
    this.open = []
  }

  private noteGuards(from: number): void {
    for (const { event, guards } of this.events.slice(from)) {
      if (event !== 'refused') continue
      for (const { guard, passed } of guards) if (!passed) this.coverage.guards.add(guard)
    }
  }

  private cover(service: ServiceFacts): void {
    const common = new ServiceValues(service)
    for (const { ref, trigger } of policiesOf(this.state.documents, this.test.service)) {
      for (const instance of service.instances) {
        const values = new InstanceValues(instance, common)
        for (const clause of trigger.clauses) {
          const key = `${ref.name}\n${clause.text}`
          const seen = this.coverage.clauses.get(key) ?? {
            policy: ref.name,
            clause: clause.text,
            seenTrue: false,
            seenFalse: false,
          }
          if (clause.holds(values)) seen.seenTrue = true
          else seen.seenFalse = true
          this.coverage.clauses.set(key, seen)
        }
      }
    }
  }

  private compare(expected: Expectation, service: ServiceFacts, atMs: number): void {
    const facts = service.instances.find(({ instance }) => instance === expected.instance)
    const fail = (message: string): void => {
      const { policy, instance, at } = expected
      this.failures.push({ atMs: at, message: `${policy} at ${instance}: ${message}` })
    }
    const policy = policiesOf(this.state.documents, this.test.service).find(
      ({ ref }) => ref.name === policyName(expected.policy),
    )
    if (policy === undefined) return fail(`no such policy selects service ${this.test.service}`)
    if (facts === undefined) return fail('there is no such instance')
    this.compareActs(expected, atMs, fail)
    this.compareGuard(expected, fail)
    const isMatched = this.matches(policy, facts, atMs)
    if (expected.matches !== undefined && expected.matches !== isMatched) {
      fail(isMatched ? 'it matches' : 'it does not match')
    }
    const values = new InstanceValues(facts, new ServiceValues(service))
    for (const [text, holds] of Object.entries(expected.clauses ?? {})) {
      const clause = policy.trigger.clauses.find((one) => one.text === text)
      if (clause === undefined) {
        const all = policy.trigger.clauses.map((one) => one.text).join(', ')
        fail(`no clause ${JSON.stringify(text)}; there are: ${all}`)
      } else if (clause.holds(values) !== holds) {
        fail(`clause ${JSON.stringify(text)}: found ${!holds}, expected ${holds}`)
      }
    }
  }

  private compareActs(expected: Expectation, atMs: number, fail: (message: string) => void): void {
    const acts = this.of(expected).filter(isAct)
    const now = acts.filter((event) => event.at_ms - START_MS > atMs - this.intervalMs)
    if (expected.acts !== undefined && expected.acts !== now.length > 0) {
      fail(expected.acts ? 'it does not act' : `it acts: ${now.at(-1)?.summary ?? ''}`)
    }
    if (expected.actions !== undefined && expected.actions !== acts.length) {
      fail(`found ${acts.length} actions so far, expected ${expected.actions}`)
    }
  }

  /** Its trigger holds, and has held for long enough. */
  private matches({ ref, policy }: ReadyPolicy, { key }: InstanceFacts, atMs: number): boolean {
    const streak = this.state.streaks.get(streakKey(ref.name, key))
    if (streak === undefined) return false
    return policy.evaluationMode === 'window' || START_MS + atMs - streak.sinceMs >= policy.forMs
  }

  private compareGuard(expected: Expectation, fail: (message: string) => void): void {
    const { guard } = expected
    if (guard === undefined) return
    const last = this.of(expected).findLast(
      ({ event }) => event === 'refused' || event === 'commanded',
    )
    const refusal =
      last?.event === 'refused' ? last.guards.find(({ passed }) => !passed) : undefined
    const found = refusal?.guard ?? null
    if (found !== guard) fail(`found guard ${found ?? 'none'}, expected ${guard ?? 'none'}`)
  }

  /** Events about the policy at the instance. */
  private of({ policy, instance }: Expectation): readonly IncidentEvent[] {
    return this.events.filter((event) => {
      return event.policy?.name === policy && event.instance === instance
    })
  }
}

/** A command, or something that the core does itself. */
const isAct = ({ event, outcome }: IncidentEvent): boolean =>
  event === 'commanded' || (event === 'acted' && outcome === null)

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
