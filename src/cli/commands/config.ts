// `healstream config view`: every effective value and, on demand, where it came from. No secret is
// among them: settings name files, and what the files hold is not read here.
import { resolveSettings } from '../../config/settings.ts'
import type { SettingView } from '../../config/settings.ts'
import { printable } from '../../contracts/printable.ts'
import { show } from '../context.ts'
import type { Context } from '../context.ts'
import type { ClusterReadFlags } from '../settings-flags.ts'
import { table } from '../table.ts'

export interface ConfigViewFlags extends ClusterReadFlags {
  readonly showOrigin?: boolean
}

/** Errors: HS_CONFIG. */
export function view(context: Context, flags: ConfigViewFlags): void {
  const { view: settings, warnings } = resolveSettings(flags, context.env)
  const withOrigin = flags.showOrigin === true
  const value = Object.fromEntries(
    settings.map(({ key, value: held, origin }) => [
      key,
      withOrigin ? { value: held, origin } : held,
    ]),
  )
  show(context, flags.output, { value, lines: () => settingsTable(settings, withOrigin) })
  for (const warning of warnings) context.terminal.say(`warning: ${printable(warning)}`)
}

function settingsTable(settings: readonly SettingView[], withOrigin: boolean): readonly string[] {
  const columns = [
    { head: 'SETTING', cell: (row: SettingView) => row.key },
    { head: 'VALUE', cell: (row: SettingView) => text(row) },
  ]
  const origin = { head: 'ORIGIN', cell: (row: SettingView) => row.origin }
  return table(settings, withOrigin ? [...columns, origin] : columns)
}

function text({ key, value }: SettingView): string {
  if (value === null) return '-'
  const shown = Array.isArray(value)
    ? value.join(',')
    : typeof value === 'string'
      ? value
      : JSON.stringify(value)
  return /(password|token|key)File$/.test(key) ? `${shown} (its content is not shown)` : shown
}
