// Named events to log lines (pino) and metrics (prom-client). A line is JSON with timestamp, level,
// service, event, message and fields (S1-38), or one readable line; it goes to stderr, because
// stdout belongs to answers. Neither a full disk nor a closed pipe ever reaches whoever emits.
import { readFileSync } from 'node:fs'
import { type DestinationStream, type Logger, destination as fileDestination, pino } from 'pino'
import { printable } from '../../contracts/printable.ts'
import type { EventLevel, EventSpec } from '../../runtime/event-spec.ts'
import {
  EVENTS,
  type EventFields,
  type EventKind,
  type Instruments,
} from '../../runtime/instruments.ts'
import { Metrics } from './metrics.ts'
import { type FieldValue, Redactor } from './redact.ts'

export interface InstrumentsOptions {
  readonly level: EventLevel | 'silent'
  /** Readable lines instead of JSON. */
  readonly pretty?: boolean
  /** Where lines go; default stderr. */
  readonly destination?: DestinationStream
  /** On every line and every metric: role, cluster, … */
  readonly labels?: Readonly<Record<string, string>>
  /** Secrets this process knows: they never appear, wherever they turn up. */
  readonly secrets?: readonly string[]
}

export interface Observability {
  readonly instruments: Instruments
  /** What `/metrics` answers. */
  readonly metricsText: () => Promise<string>
  readonly metricsContentType: string
}

export function createInstruments(options: InstrumentsOptions): Observability {
  const labels = Object.fromEntries(
    Object.entries(options.labels ?? {}).map(([name, value]) => [name, printable(value)]),
  )
  const build = { version: ownVersion(), node: process.version }
  const metrics = new Metrics(Object.values(EVENTS), labels, build)
  const lines = new Lines(options, labels)
  return {
    instruments: {
      emit(kind, fields) {
        const spec = EVENTS[kind]
        for (const metric of spec.metrics ?? []) metrics.observe(metric, fields)
        lines.write(kind, spec, fields)
      },
    },
    metricsText: () => metrics.text(),
    metricsContentType: metrics.contentType,
  }
}

class Lines {
  private readonly redactor: Redactor
  private readonly logger: Logger

  constructor(options: InstrumentsOptions, labels: Readonly<Record<string, string>>) {
    this.redactor = new Redactor(options.secrets ?? [])
    const sink = options.destination ?? stderr()
    this.logger = pino(
      {
        level: options.level,
        base: { service: 'healstream', ...labels },
        messageKey: 'message',
        timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
        formatters: { level: (label) => ({ level: label.toUpperCase() }) },
      },
      options.pretty === true ? readable(sink) : sink,
    )
  }

  write(kind: EventKind, spec: EventSpec, fields: EventFields): void {
    if (!this.logger.isLevelEnabled(spec.level)) return
    const safe = Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [
        printable(name),
        this.redactor.field(name, value),
      ]),
    )
    try {
      this.logger[spec.level]({ event: kind, fields: safe }, sentence(spec.text, safe))
    } catch {
      // The line is lost; what the process does must not depend on its log.
    }
  }
}

/** The sentence with its fields filled in. */
function sentence(text: string, fields: Readonly<Record<string, FieldValue>>): string {
  return text.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(fields[name] ?? '?'))
}

/** Written at once: the last words of a dying process count most. */
function stderr(): DestinationStream {
  const stream = fileDestination({ fd: 2, sync: true })
  stream.on('error', () => undefined)
  return stream
}

/** `12:34:56.789 WARN message` on `sink`. */
function readable(sink: DestinationStream): DestinationStream {
  return {
    write(line) {
      const { timestamp, level, message } = JSON.parse(line)
      sink.write(`${String(timestamp).slice(11, 23)} ${String(level).padEnd(5)} ${message}\n`)
    },
  }
}

/**
 * Version in package.json, which lies three levels above this file in the clone and the package.
 */
function ownVersion(): string {
  const path = new URL('../../../package.json', import.meta.url)
  const { version } = JSON.parse(readFileSync(path, 'utf8'))
  return String(version)
}
