// The core of the fleet task (DESIGN.md section 5, two kinds of task): observations of all service
// tasks, policies and words of people in; pulses and leases out, to each partition of hs.fleet. It
// acts only from behaviour 2 on, and only on what it has read up to a moment ago.
import type { DecodeReason } from '../../contracts/decode.ts'
import type { RecordView } from '../../contracts/record.ts'
import type { FleetRecord, RecordOf } from '../../contracts/records.ts'
import { type TopicKind, topicSpec } from '../../contracts/topics.ts'
import { DeadLetters } from '../admit/dead-letter.ts'
import {
  applyDocument,
  guardLimitsOf,
  loadDocuments,
  newDocuments,
  saveDocuments,
} from '../decision/documents.ts'
import {
  applyOperator,
  expireHolds,
  type Holds,
  holdsAtBirth,
  loadHolds,
  saveHolds,
} from '../decision/holds.ts'
import { Budget, type Order } from '../fleet/budget.ts'
import {
  BEHAVIOUR_FLEET,
  BUSY_EVERY_MS,
  PULSE_STALE_MS,
  QUIET_EVERY_MS,
  serviceTask,
  taskKey,
} from '../fleet/term.ts'
import { Verdicts } from '../fleet/verdicts.ts'
import { Watch } from '../fleet/watch.ts'
import { assert } from '../kernel/assert.ts'
import { BEHAVIOUR_JUDGEMENT } from '../kernel/behaviour.ts'
import { FORM_FIRST, FORM_JUDGEMENT, ImageReader, ImageWriter } from '../kernel/image.ts'
import type { CoreContext, Outcome, Output, Slice, Step, TaskCore } from '../kernel/step.ts'

/** The services whose GuardSets count for the fleet: those of all. */
const EVERYBODY = '*'
/** What an image of each form begins with. */
const FORMATS: ReadonlyMap<number, number> = new Map([
  [1, FORM_FIRST],
  [2, FORM_JUDGEMENT],
])
type Input = 'observations' | 'policies' | 'operator'
type FleetPart = Partial<Pick<FleetRecord, 'pulse' | 'grant' | 'verdict'>>

export function createFleetCore(context: CoreContext, image: Uint8Array | null): TaskCore {
  const fleet = new Fleet(context)
  if (image !== null) load(fleet, context, image)
  return {
    step: (step) => fleet.step(step),
    image: () => {
      const isFirst = fleet.behaviour < BEHAVIOUR_JUDGEMENT
      const to = new ImageWriter(isFirst ? FORM_FIRST : FORM_JUDGEMENT)
      to.int(isFirst ? 1 : 2).text(whose(context))
      fleet.save(to)
      return to.pieces()
    },
    setBehaviour: (behaviour) => {
      fleet.behaviour = behaviour
    },
  }
}

/** Errors: AssertionError for what is no image, or one of another task or form. */
function load(fleet: Fleet, context: CoreContext, image: Uint8Array): void {
  const from = new ImageReader(image)
  const format = from.int()
  const form = FORMATS.get(format)
  assert(form !== undefined, `the image has form ${format}, this build reads forms 1 and 2`)
  from.form = form
  const owner = from.text()
  assert(owner === whose(context), `the image is of ${owner}, not of ${whose(context)}`)
  fleet.load(from)
  from.end()
}

function whose({ clusterId, taskId, partitionCount }: CoreContext): string {
  return [clusterId, taskId, partitionCount].join(' ')
}

class Fleet {
  behaviour: number
  private readonly context: CoreContext
  private readonly watch: Watch
  private readonly budget: Budget
  private readonly verdicts = new Verdicts()
  private documents = newDocuments()
  private holds: Holds
  private readonly letters: DeadLetters
  private nowMs = 0
  /** Of the newest record written. */
  private seq = 0
  private pulseAtMs: number | null = null

  constructor(context: CoreContext) {
    this.context = context
    this.behaviour = context.behaviour
    this.holds = holdsAtBirth(context.afterLossMs)
    this.watch = new Watch(context.partitionCount)
    this.budget = new Budget(context.partitionCount)
    this.letters = new DeadLetters(context.taskId)
  }

  step(step: Step): Outcome {
    assert(
      step.nowMs >= this.nowMs,
      `log time goes forward, not from ${this.nowMs} to ${step.nowMs}`,
    )
    this.nowMs = step.nowMs
    for (const slice of step.slices) slice.visit((view) => this.fold(slice, view))
    expireHolds(this.holds, step.nowMs)
    const dlq = this.letters.take(step.nowMs).map((body): Output => {
      return { topic: 'dlq', key: `${body.origin_topic}-${body.origin_partition}`, body }
    })
    const isActing = this.behaviour >= BEHAVIOUR_FLEET && !step.behind
    const said = isActing ? [...this.says(step), ...this.pulses(step), ...this.leases(step)] : []
    return {
      outputs: [...dlq, ...said],
      urgent: said.length > 0,
      wakeAtMs: this.wakeAt(isActing),
    }
  }

  save(to: ImageWriter): void {
    to.int(this.behaviour).number(this.nowMs).number(this.seq).numberOrNull(this.pulseAtMs)
    this.watch.save(to)
    this.budget.save(to)
    saveDocuments(this.documents, to)
    saveHolds(this.holds, to)
    this.letters.save(to)
    if (to.form >= FORM_JUDGEMENT) this.verdicts.save(to)
  }

  /** Into an empty one. */
  load(from: ImageReader): void {
    this.behaviour = from.int()
    this.nowMs = from.number()
    this.seq = from.number()
    this.pulseAtMs = from.numberOrNull()
    this.watch.load(from)
    this.budget.load(from)
    this.documents = loadDocuments(from, this.context.sha256)
    this.holds = loadHolds(from)
    this.letters.load(from)
    if (from.form >= FORM_JUDGEMENT) this.verdicts.load(from)
  }

  private fold({ topic, partition }: Slice, view: RecordView): void {
    if (topic === 'observations') this.foldObservation(partition, view)
    else if (topic === 'policies') this.foldPolicy(partition, view)
    else if (topic === 'operator') this.foldOperator(partition, view)
  }

  private foldObservation(partition: number, view: RecordView): void {
    const observation = this.decoded('observations', partition, view)
    if (observation === null) return
    const expected = serviceTask(partition)
    if (partition >= this.context.partitionCount || observation.task !== expected) {
      const detail = `partition ${partition} is written by ${expected} alone`
      this.refuse({ topic: 'observations', partition, view }, 'foreign_task', detail)
      return
    }
    if (!this.watch.hear(partition, observation)) return
    // When it was read, and not before the log took it: spent tokens are free a minute later.
    this.budget.hear(partition, observation, Math.max(this.nowMs, view.timestampMs))
  }

  private foldPolicy(partition: number, view: RecordView): void {
    const record = this.decoded('policies', partition, view)
    if (record?.kind !== 'GuardSet') return
    // Every service task has the same record and tells people what is wrong with it.
    const { sha256 } = this.context
    applyDocument(this.documents, record, { sha256, behaviour: this.behaviour })
  }

  private foldOperator(partition: number, view: RecordView): void {
    const record = this.decoded('operator', partition, view)
    if (record !== null) applyOperator(this.holds, record)
  }

  private decoded<K extends Input>(
    topic: K,
    partition: number,
    view: RecordView,
  ): RecordOf[K] | null {
    const at = { topic, partition, view }
    const size = view.valueEnd - view.valueStart
    const most = topicSpec(topic).maxBytes
    if (size > most) return this.refuse(at, 'too_large', `${size} bytes, at most ${most} are taken`)
    const decoded = this.context.decoder.decode(topic, view)
    return decoded.ok ? decoded.record : this.refuse(at, decoded.reason, decoded.detail)
  }

  private refuse(
    { topic, partition, view }: { topic: TopicKind; partition: number; view: RecordView },
    reason: DecodeReason | 'too_large' | 'foreign_task',
    detail: string,
  ): null {
    // Of what service tasks read too, task 0 keeps the letter.
    if (topic !== 'observations') return null
    const stage = 'admit' as const
    const refusal = { topic, partition, stage, reason, detail, agent: null }
    this.letters.refuse(view, refusal, this.nowMs)
    return null
  }

  /** What holds across services, to every partition: before the pulse that lets them act. */
  private says({ nowMs, asOf }: Step): readonly Output[] {
    const { observations: asOfMs } = asOf
    if (this.behaviour < BEHAVIOUR_JUDGEMENT) return []
    if (!isRecent(asOfMs, nowMs) || !this.watch.isFresh(asOfMs)) return []
    const limits = guardLimitsOf(this.documents, EVERYBODY)
    const said = this.verdicts.judge(this.watch.picture(), limits, nowMs)
    const partitions = Array.from({ length: this.context.partitionCount }, (_, i) => i)
    return said.flatMap((verdict) =>
      partitions.map((partition) =>
        this.record({ partition, seq: this.nextSeq(), kind: 'verdict' }, { verdict }),
      ),
    )
  }

  /** One to every partition when it is time, and only of a time up to which everybody was read. */
  private pulses({ nowMs, asOf }: Step): readonly Output[] {
    const { observations: asOfMs } = asOf
    if (this.pulseDueMs() > nowMs || !isRecent(asOfMs, nowMs) || !this.watch.isFresh(asOfMs)) {
      return []
    }
    this.watch.changed = false
    this.pulseAtMs = nowMs
    const { expected, seen, blind } = this.watch.sight(guardLimitsOf(this.documents, EVERYBODY))
    const pulse = {
      as_of_ms: asOfMs,
      reporters_expected: expected,
      reporters_seen: seen,
      blind,
    }
    const { partitionCount } = this.context
    const seqs = Array.from({ length: partitionCount }, () => this.nextSeq())
    this.budget.born(seqs[0] ?? 0)
    return seqs.map((seq, partition) => this.record({ partition, seq, kind: 'pulse' }, { pulse }))
  }

  private pulseDueMs(): number {
    if (this.pulseAtMs === null) return 0
    const isBusy = this.watch.changed || this.watch.isTroubled()
    return this.pulseAtMs + (isBusy ? BUSY_EVERY_MS : QUIET_EVERY_MS)
  }

  /** Nothing is given past a hold that may lie unread. */
  private leases({ nowMs, asOf }: Step): readonly Output[] {
    if (!isRecent(asOf.policies, nowMs) || !isRecent(asOf.operator, nowMs)) return []
    const { perMinute: limit } = guardLimitsOf(this.documents, EVERYBODY)
    const held = [...this.holds.values()].some(({ scope }) => scope.fleet)
    const nextSeq = (): number => this.nextSeq()
    const picture = this.behaviour < BEHAVIOUR_JUDGEMENT ? null : this.watch.picture()
    const orders = this.budget.orders({ nowMs, limit, held, nextSeq, picture })
    return orders.map((order) => {
      const { id, budget, tokens, deadlineMs } = order.lease
      const grant = { lease_id: id, budget, tokens, deadline_ms: deadlineMs }
      return this.record(order, { grant })
    })
  }

  /**
   * Rises with every record, and with time, so that it goes on rising where a journal was lost and
   * counting begins anew.
   */
  private nextSeq(): number {
    this.seq = Math.max(this.seq + 1, this.nowMs)
    return this.seq
  }

  /** gen is put on at sealing. */
  private record(
    { partition, seq, kind }: Pick<Order, 'partition' | 'seq'> & Pick<FleetRecord, 'kind'>,
    part: FleetPart,
  ): Output {
    const task = serviceTask(partition)
    const body: FleetRecord = {
      task,
      seq,
      gen: 0,
      at_ms: this.nowMs,
      kind,
      pulse: null,
      grant: null,
      verdict: null,
      ...part,
    }
    return { topic: 'fleet', key: taskKey(task), partition, body }
  }

  private wakeAt(isActing: boolean): number | null {
    const { nowMs } = this
    const due = [this.letters.nextMs()]
    if (isActing) {
      const pulseMs = this.pulseDueMs()
      due.push(this.verdicts.nextMs(guardLimitsOf(this.documents, EVERYBODY)))
      due.push(pulseMs > nowMs ? pulseMs : nowMs + BUSY_EVERY_MS, this.budget.nextMs(nowMs))
    } else if (this.behaviour >= BEHAVIOUR_FLEET) due.push(nowMs + BUSY_EVERY_MS)
    for (const { expiresAtMs } of this.holds.values()) due.push(expiresAtMs)
    let wake: number | null = null
    for (const atMs of due) if (atMs !== null && (wake === null || atMs < wake)) wake = atMs
    return wake
  }
}

/** Read up to a moment ago. */
function isRecent(asOfMs: number | undefined, nowMs: number): asOfMs is number {
  return asOfMs !== undefined && nowMs - asOfMs <= PULSE_STALE_MS
}
