// The stage of alerts with nothing around it: steps by hand, and time.
import { expect } from 'vitest'
import type { Alert, IncidentEvent } from '../../../src/contracts/records.ts'
import { Alerts } from '../../../src/core/alert/alerts.ts'
import type { AlertFacts } from '../../../src/core/alert/metric.ts'
import type { Notification } from '../../../src/core/plan/notification.ts'
import type { PolicyInForce } from '../../../src/core/alert/ruleset.ts'
import { ImageReader, ImageWriter } from '../../../src/core/kernel/image.ts'
import { CONTEXT, SHOP } from '../decision/world.ts'

/** A second. */
export const S: number = 1_000

/** The stage in a world of its own: one service, and time that goes where something is due. */
export class Stage {
  alerts: Alerts
  nowMs = 0
  seq = 0
  readonly told: Alert[] = []
  facts = new Map<string, AlertFacts>()
  policies: readonly PolicyInForce[]

  constructor(policies: readonly PolicyInForce[] = []) {
    this.policies = policies
    this.alerts = new Alerts(CONTEXT, () => this.policies)
  }

  /** One step: what is new of instances, what the audit said. Returns what is told. */
  step(
    due: readonly AlertFacts[] = [],
    more: {
      events?: readonly IncidentEvent[]
      behind?: boolean
      blind?: boolean
      left?: readonly string[]
      notifications?: readonly Notification[]
    } = {},
  ): readonly Alert[] {
    for (const one of due) this.facts.set(one.instance, one)
    const { events = [], behind = false, blind = false, left = [], notifications = [] } = more
    const outputs = this.alerts.step({
      nowMs: this.nowMs,
      stepSeq: this.seq++,
      behind,
      blind,
      services: [{ service: SHOP, due }],
      left,
      events,
      notifications,
      find: (_service, name) => this.facts.get(name) ?? null,
    })
    const bodies = outputs.flatMap(({ body }) => (body === null ? [] : [body]))
    this.told.push(...bodies)
    return bodies
  }

  /** Goes to where time alone does something, at most `ms` on, again and again. */
  wait(ms: number): readonly Alert[] {
    const before = this.told.length
    const untilMs = this.nowMs + ms
    for (let asked = 0; ; asked++) {
      const nextMs = this.alerts.nextMs(untilMs + 1)
      if (nextMs === null) break
      // What was due while steps were behind is due at once.
      this.nowMs = Math.max(nextMs, this.nowMs)
      this.step()
      expect(asked).toBeLessThan(1_000)
    }
    this.nowMs = untilMs
    return this.told.slice(before)
  }

  restore(): void {
    const to = new ImageWriter()
    this.alerts.save(to)
    this.alerts = new Alerts(CONTEXT, () => this.policies)
    this.alerts.load(new ImageReader(Buffer.concat(to.pieces())))
  }
}
