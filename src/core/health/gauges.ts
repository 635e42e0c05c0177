// Gauges, log lines and tasks of an instance, as its ticks tell them, and the detectors over them.
// What a process never tells costs nothing: a detector is made with the first value.
import type { DetectorSettings } from '../../contracts/detector-settings.ts'
import { type DeltaScratch, GAUGES } from '../../contracts/telemetry-decoder.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import { CpuWait } from '../signal/cpu-wait.ts'
import { Leak } from '../signal/leak.ts'
import { LogDensity } from '../signal/log-density.ts'
import { Loss } from '../signal/loss.ts'
import { RttJump } from '../signal/rtt-jump.ts'
import { Sustained } from '../signal/sustained.ts'
import { TaskSuccess } from '../signal/task-success.ts'
import type { Kept } from '../signal/verdict.ts'
import type { Standing } from './standing.ts'

/** What a tick tells beside requests; a DeltaScratch is one. */
export type Tick = Pick<
  DeltaScratch,
  'gaugesMask' | 'gauges' | 'hasLogs' | 'logs' | 'hasTasks' | 'tasks' | 'tickStartMs' | 'tickMs'
>

export const CPU = 0
export const MEMORY = 1
export const FDS = 2
export const RUN_QUEUE = 3
export const LOOP_DELAY = 4
export const RTT = 5
export const LOSS = 6
/** Ticks further apart than this many of their own length came late (S1-14). */
const STRETCHED = 2
const SECOND_MS = 1_000
const SILENT_MS = 50_000
const ERROR = 3
const FATAL = 4

export class Gauges implements Kept {
  private readonly settings: DetectorSettings
  /** Newest mean of each, in the order of GAUGES; NaN: never told. */
  private readonly means = new Float64Array(GAUGES.length).fill(Number.NaN)
  /** Beginning of the newest tick with gauges, and of the newest that came late. */
  private tickMs = 0
  private lateMs = 0
  private leakMs = 0
  private rtt: RttJump | null = null
  private loss: Loss | null = null
  private wait: CpuWait | null = null
  private cpuLoad: Sustained | null = null
  private memoryLoad: Sustained | null = null
  private leak: Leak | null = null
  private logs: LogDensity | null = null
  private tasks: TaskSuccess | null = null

  constructor(settings: DetectorSettings) {
    this.settings = settings
  }

  /** NaN: never told. */
  mean(gauge: number): number {
    return this.means[gauge] ?? Number.NaN
  }

  /** Error lines of the last 60 s, or null. */
  get errorLogs(): number | null {
    return this.logs?.lastMinute ?? null
  }

  get taskSuccess(): number | null {
    return this.tasks?.share ?? null
  }

  /** Event time of the newest tick that came late; 0: none did. */
  get newestLateMs(): number {
    return this.lateMs
  }

  /** Event time of the newest tick with gauges. */
  get newestMs(): number {
    return this.tickMs
  }

  /** Makes nothing but what deviates; a tick told again, or an older one, changes no gauge. */
  fold(tick: Tick, atMs: number, standing: Standing): void {
    if (tick.gaugesMask !== 0 && atMs > this.tickMs) this.foldGauges(tick, atMs, standing)
    if (tick.hasLogs && this.settings.error_logs.enabled) {
      const logs = (this.logs ??= new LogDensity(this.settings.error_logs))
      const lines = (tick.logs[ERROR] ?? 0) + (tick.logs[FATAL] ?? 0)
      standing.set('error_logs', logs.update(lines, atMs), logs, atMs)
    }
    if (tick.hasTasks && this.settings.task_success.enabled) {
      const { window, samplesMin: least, min } = this.settings.task_success
      const tasks = (this.tasks ??= new TaskSuccess({ window, least, min }))
      const [succeeded = 0, failed = 0, late = 0] = tick.tasks
      standing.set('task_success', tasks.update(succeeded, failed + late), tasks, atMs)
    }
  }

  /** Log lines that have left their windows end what they began. */
  expire(nowMs: number, standing: Standing): void {
    if (this.logs === null || standing.get('error_logs') === undefined) return
    if (!this.logs.verdict(nowMs).deviates) standing.end('error_logs')
  }

  save(to: ImageWriter): void {
    for (const mean of this.means) to.number(mean)
    to.number(this.tickMs).number(this.lateMs).number(this.leakMs)
    for (const one of this.detectors()) {
      to.flag(one !== null)
      one?.save(to)
    }
  }

  load(from: ImageReader): void {
    for (let i = 0; i < this.means.length; i++) this.means[i] = from.number()
    this.tickMs = from.number()
    this.lateMs = from.number()
    this.leakMs = from.number()
    for (const make of this.makers()) if (from.flag()) make().load(from)
  }

  private foldGauges(tick: Tick, atMs: number, standing: Standing): void {
    const { gaugesMask, gauges, tickMs: lengthMs } = tick
    if (this.tickMs > 0 && atMs - this.tickMs > STRETCHED * lengthMs) this.lateMs = atMs
    // After a long break the score is made again.
    if (atMs - this.tickMs > SILENT_MS) standing.moved = true
    this.tickMs = atMs
    for (let i = 0; i < GAUGES.length; i++) {
      const n = gauges[3 * i] ?? 0
      if ((gaugesMask & (1 << i)) === 0 || n === 0) continue
      this.means[i] = (gauges[3 * i + 1] ?? 0) / n
    }
    this.judgeLoad(gaugesMask, atMs, standing)
    if ((gaugesMask & (1 << RTT)) !== 0 && this.settings.rtt.enabled) {
      const rtt = this.madeRtt()
      standing.set('rtt', rtt.update(this.mean(RTT)), rtt, atMs)
    }
    if ((gaugesMask & (1 << LOSS)) !== 0 && this.settings.loss.enabled) {
      const loss = this.madeLoss()
      const [sent, lost] = [gauges[3 * LOSS] ?? 0, gauges[3 * LOSS + 1] ?? 0]
      standing.set('loss', loss.update(sent, lost, atMs), loss, atMs)
    }
    if ((gaugesMask & (1 << RUN_QUEUE)) !== 0 && this.settings.cpu_wait.enabled) {
      const wait = this.madeWait()
      // The gauge is told per second; a shorter tick waited a part of it.
      const waitedMs = this.mean(RUN_QUEUE) * Math.min(1, lengthMs / SECOND_MS)
      standing.set('cpu_wait', wait.update(waitedMs, atMs), wait, atMs)
    }
  }

  private judgeLoad(mask: number, atMs: number, standing: Standing): void {
    const { overload, memory_leak: leaking } = this.settings
    if ((mask & (1 << CPU)) !== 0 && overload.enabled && overload.cpuCores > 0) {
      const load = this.madeCpuLoad()
      standing.set(
        'overload_cpu',
        load.update(this.mean(CPU) / overload.cpuCores, atMs),
        load,
        atMs,
      )
    }
    if ((mask & (1 << MEMORY)) === 0) return
    if (overload.enabled && overload.memoryBytes > 0) {
      const load = this.madeMemoryLoad()
      const share = this.mean(MEMORY) / overload.memoryBytes
      standing.set('overload_memory', load.update(share, atMs), load, atMs)
    }
    if (!leaking.enabled || atMs < this.leakMs) return
    this.leakMs = atMs + leaking.everyMs
    standing.keep('memory_leak', this.madeLeak().push(this.mean(MEMORY), atMs), atMs)
  }

  private detectors(): readonly (Kept | null)[] {
    const { rtt, loss, wait, cpuLoad, memoryLoad, leak, logs, tasks } = this
    return [rtt, loss, wait, cpuLoad, memoryLoad, leak, logs, tasks]
  }

  /** In the order of `detectors`. */
  private makers(): readonly (() => Kept)[] {
    const { task_success: tasks, error_logs: logs } = this.settings
    return [
      () => this.madeRtt(),
      () => this.madeLoss(),
      () => this.madeWait(),
      () => this.madeCpuLoad(),
      () => this.madeMemoryLoad(),
      () => this.madeLeak(),
      () => (this.logs ??= new LogDensity(logs)),
      () => (this.tasks ??= new TaskSuccess({ ...tasks, least: tasks.samplesMin })),
    ]
  }

  private madeRtt(): RttJump {
    const { floorRttMs: floor, ...options } = this.settings.rtt
    return (this.rtt ??= new RttJump({ ...options, floor }))
  }

  private madeLoss(): Loss {
    const { samplesMin: least, ...options } = this.settings.loss
    return (this.loss ??= new Loss({ ...options, least }))
  }

  private madeWait(): CpuWait {
    const { maxMs } = this.settings.cpu_wait
    return (this.wait ??= new CpuWait({ maxMs, bucketMs: SECOND_MS, windowMs: SECOND_MS }))
  }

  private madeCpuLoad(): Sustained {
    const { cpuMax: max, forMs } = this.settings.overload
    return (this.cpuLoad ??= new Sustained({ max, forMs, gapMs: forMs / 2 }))
  }

  private madeMemoryLoad(): Sustained {
    const { memoryMax: max, forMs } = this.settings.overload
    return (this.memoryLoad ??= new Sustained({ max, forMs, gapMs: forMs / 2 }))
  }

  private madeLeak(): Leak {
    const { perMinuteBytes: perMinute, spanMs, correlation, everyMs } = this.settings.memory_leak
    const window = Math.ceil(spanMs / everyMs) + 6
    return (this.leak ??= new Leak({ perMinute, spanMs, correlation, window }))
  }
}
