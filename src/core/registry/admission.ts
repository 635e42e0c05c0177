// How fast instances of a service may become ready (S1-43): when many register at once, those over
// the limit stand by and are admitted one after the other, in the order in which they came, so that
// what they depend on and who routes to them are not met by all of them in one second.
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import { sortedKeys } from '../kernel/order.ts'

const SPAN_MS = 1_000

export class Admissions {
  /** Log times of the admissions of the last second and of those to come, ascending, by service. */
  private readonly times = new Map<string, number[]>()

  /**
   * Takes the next place: its log time, `atMs` when there is room at once. In no second of log time
   * there are more than `perSecond` of a service.
   */
  take(service: string, atMs: number, perSecond: number): number {
    const times = this.times.get(service) ?? []
    this.times.set(service, times)
    const before = times[times.length - perSecond]
    const last = times.at(-1) ?? atMs
    const admitMs = Math.max(atMs, last, before === undefined ? atMs : before + SPAN_MS)
    times.push(admitMs)
    return admitMs
  }

  /** Forgets what is over. */
  advance(nowMs: number): void {
    for (const [service, times] of this.times) {
      const first = times.findIndex((atMs) => atMs > nowMs - SPAN_MS)
      if (first < 0) this.times.delete(service)
      else if (first > 0) times.splice(0, first)
    }
  }

  save(to: ImageWriter): void {
    const services = sortedKeys(this.times)
    to.int(services.length)
    for (const service of services) to.text(service).numbers(this.times.get(service) ?? [])
  }

  /** Into an empty one. */
  load(from: ImageReader): void {
    for (let left = from.count(); left > 0; left--) this.times.set(from.text(), from.numbers())
  }
}
