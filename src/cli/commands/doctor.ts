// `healstream doctor` and `healstream acls`: what is wrong around a cluster and what to do about
// it; what each role has to be allowed on the brokers.
import { kafkaOptionsOf, registryAccessOf } from '../../roles/parts/access.ts'
import type { Finding } from '../../roles/doctor/finding.ts'
import { examine } from '../../roles/doctor/doctor.ts'
import { type Access, accessOf, aclCommands, ROLES, type Role } from '../../config/access.ts'
import { resolveSettings } from '../../config/settings.ts'
import type { SettingFlags } from '../../config/settings.ts'
import { EXIT, type ExitCode } from '../../contracts/failure.ts'
import { printable } from '../../contracts/printable.ts'
import { systemClock } from '../../runtime/clock.ts'
import { type Context, type Output, show } from '../context.ts'
import type { Terminal } from '../terminal.ts'

export interface DoctorFlags extends SettingFlags {
  readonly role?: Role
  readonly output: Output
}

/** Exit 0: nothing fails; 1: something does; 3: no broker answers. */
export async function doctor(context: Context, flags: DoctorFlags): Promise<ExitCode> {
  const resolved = resolveSettings(flags, context.env)
  const { settings } = resolved
  const { findings, isReached } = await examine({
    kafka: kafkaOptionsOf(resolved, { clock: systemClock, clientId: 'healstream-doctor' }),
    registry: registryAccessOf(resolved),
    prefix: settings.prefix,
    group: settings.group,
    role: flags.role ?? null,
    nodeVersion: process.versions.node,
  })
  const { paint } = context.terminal
  show(context, flags.output, {
    value: { findings },
    lines: () => findings.flatMap((finding) => linesOf(finding, paint)),
    next: isReached && flags.role === undefined ? ['doctor --role worker'] : [],
  })
  if (!isReached) return EXIT.unreachable
  return findings.some(({ level }) => level === 'fail') ? EXIT.findings : EXIT.ok
}

const COLORS = { ok: 'green', warn: 'yellow', fail: 'red' } as const

function linesOf({ check, level, found, fix }: Finding, paint: Terminal['paint']): string[] {
  const head = `${paint(COLORS[level], level.padEnd(4))}  ${check.padEnd(9)}  ${printable(found)}`
  return fix === null ? [head] : [head, `      ${' '.repeat(9)}  → ${printable(fix)}`]
}

export interface AclsFlags extends SettingFlags {
  readonly role?: Role
  readonly principal?: string
  readonly output: Output
}

interface RoleAccess {
  readonly role: Role
  readonly principal: string
  readonly access: readonly Access[]
}

/** Without a role: all of them. Nothing is asked of anybody. */
export function acls(context: Context, flags: AclsFlags): void {
  const { prefix, group } = resolveSettings(flags, context.env).settings
  const roles = flags.role === undefined ? ROLES : [flags.role]
  const answer = roles.map((role) => ({
    role,
    principal: flags.principal ?? `User:${role}`,
    access: accessOf(role, { prefix, group }),
  }))
  show(context, flags.output, { value: answer, lines: () => answer.flatMap(commandsOf) })
}

/** Names come from flags: each word is quoted for a shell where it has to be. */
function commandsOf({ role, principal, access }: RoleAccess): readonly string[] {
  const lines = aclCommands(access, principal).map((words) => words.map(quoted).join(' '))
  const call = 'kafka-acls.sh --bootstrap-server "$BROKERS" --command-config "$ADMIN"'
  return [`# ${role}`, ...lines.map((line) => `${call} ${line}`)]
}

function quoted(word: string): string {
  return /^[\w.:=-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`
}
