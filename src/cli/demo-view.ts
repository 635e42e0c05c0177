// The demo as a person watches it: plain lines with times, and on a terminal a table of the
// instances' windows that stays in place below them.
import type { Broken, Healing } from '../roles/demo/healing.ts'
import type { StoryRecord } from '../roles/demo/story.ts'
import type { InstanceView } from '../roles/projector/views.ts'
import { printable } from '../contracts/printable.ts'
import { instanceColumns } from './show-views.ts'
import { clockTime, duration, offset, table } from './table.ts'
import type { Terminal } from './terminal.ts'

/**
 * Lines above, and on a terminal a block of lines below that is drawn again after every change.
 * Headless everything is talk.
 */
export class LiveView {
  private readonly terminal: Terminal
  private readonly headless: boolean
  private drawn = 0
  private block: readonly string[] = []

  constructor(terminal: Terminal, headless: boolean) {
    this.terminal = terminal
    this.headless = headless
  }

  line(text: string): void {
    if (this.headless) return this.terminal.say(text)
    this.erase()
    this.terminal.out(text)
    this.draw()
  }

  /** What stands below from now on; empty = nothing. */
  below(block: readonly string[]): void {
    if (this.headless || !this.terminal.interactive) return
    this.block = block
    this.erase()
    this.draw()
  }

  private erase(): void {
    if (this.drawn > 0) this.terminal.raw(`\u001B[${this.drawn}A\u001B[0J`)
    this.drawn = 0
  }

  private draw(): void {
    for (const line of this.block) this.terminal.out(line)
    this.drawn = this.block.length
  }
}

/**
 * The windows of all instances, cut to the width of the terminal so that no line wraps; `pids`
 * null: they have no processes.
 */
export function windowsBlock(
  rows: readonly InstanceView[],
  pids: ReadonlyMap<string, number | null> | null,
  terminal: Terminal,
): readonly string[] {
  const columns = instanceColumns(terminal.paint)
  const pid = {
    head: 'PID',
    cell: (row: InstanceView) => String(pids?.get(row.instance) ?? 'none'),
  }
  const wanted = ['INSTANCE', 'HEALTH', 'ROUTABLE', 'REQUESTS/60S', 'SUCCESS', 'P99', 'REASON']
  const shown = columns.filter((column) => wanted.includes(column.head))
  const cut = shown.map((column) =>
    column.head === 'REASON'
      ? { ...column, cell: (row: InstanceView) => column.cell(row).slice(0, REASON_MAX) }
      : column,
  )
  return ['', ...table(rows, pids === null ? cut : [pid, ...cut])]
}

/** With every other column at its widest this stays within 100 characters. */
const REASON_MAX = 28

export const timed = (text: string): string => `${clockTime(Date.now())}  ${text}`

/** Lines for one record of the story; none where another record says the same. */
export function recordLines(
  record: StoryRecord,
  broken: Broken,
  paint: Terminal['paint'],
): readonly string[] {
  if (record.kind === 'pulse') return []
  const atMs = record.kind === 'incident' ? record.event.at_ms : record.appendMs
  const at = offset(atMs - broken.faultAt)
  const head = (word: string): string => `${at.padStart(10)}  ${paint('bold', word.padEnd(10))}`
  if (record.kind === 'command') {
    const { action, target, policy, policy_version: version } = record.command
    const to = `${action} ${target.instance} to ${target.agent}`
    return [`${head('command')} ${printable(`${to} (policy ${policy} v${version})`)}`]
  }
  if (record.kind === 'result') {
    const { outcome, detail, facts } = record.result
    const pids = [facts['pid_before'], facts['pid_after']].map((pid) => pid ?? 'none').join(' → ')
    const why = detail === '' ? '' : `: ${detail}`
    return [`${head('result')} ${printable(`${outcome}${why}, process ${pids}`)}`]
  }
  const { event } = record
  if (event.event === 'commanded' || event.event === 'acted') return []
  return [
    `${head(event.event)} ${printable(event.summary)}`,
    ...event.evidence.slice(0, event.event === 'detected' ? 3 : 0).map((e) => {
      const figures = `${short(e.value)} against ${short(e.limit)} ${e.unit}`
      return `${' '.repeat(23)}${printable(`${e.detector}: ${e.text} (${figures})`)}`
    }),
    ...event.guards
      .filter((guard) => !guard.passed)
      .map((guard) => {
        const text = `guard ${guard.guard}: ${guard.value}, limit ${guard.limit}`
        return `${' '.repeat(23)}${printable(text)}`
      }),
  ]
}

const short = (value: number): string => String(Number(value.toFixed(3)))

/** The small timeline at the end. */
export function endLines(healing: Healing, paint: Terminal['paint']): readonly string[] {
  const step = (name: string, at: number | null, more: string = ''): readonly string[] =>
    at === null ? [] : [`  ${name.padEnd(10)} ${offset(at - healing.faultAt)}${more}`]
  const total = (healing.recoveredAt ?? healing.faultAt) - healing.faultAt
  const pids = `   process ${healing.oldPid} → ${healing.newPid ?? 'none'}`
  const count = healing.commands === 1 ? '1 command' : `${healing.commands} commands`
  return [
    '',
    paint('bold', `healed in ${duration(total)} by ${count}`),
    ...step('fault', healing.faultAt, `   ${healing.fault}`),
    ...step('detected', healing.detectedAt),
    ...step('command', healing.commandAt),
    ...step('acted', healing.actedAt, pids),
    ...step('recovered', healing.recoveredAt),
  ]
}

/** What to type next, while the demo runs on; null: there has been no incident. */
export function nextLines(incidentId: string | null): readonly string[] {
  const id = printable(incidentId ?? '')
  const ofIncident = [
    `  npx healstream explain incident ${id}`,
    `  npx healstream describe incident ${id}`,
  ]
  return [
    '',
    'Look around in a second terminal:',
    '  npx healstream get services',
    ...(incidentId === null ? [] : ofIncident),
    '  npx healstream tail telemetry',
    'Ctrl-C ends the demo and everything it started.',
  ]
}
