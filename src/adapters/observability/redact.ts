// Keeps secrets out of logs: fields whose name says that they hold one, texts that look like one,
// and the very secrets the process knows. Beside this, nothing logs what it does not name (EVENTS).
import { printable } from '../../contracts/printable.ts'

const HIDDEN = '[redacted]'
/** Longest text of one field; the log is no place for payloads. */
const TEXT_MAX = 1_024
/** What is looked at: the patterns must never run over megabytes that somebody sent. */
const LOOK_MAX = 4 * TEXT_MAX
/** Shorter secrets would take ordinary words away with them. */
const SECRET_MIN = 6

const SECRET_NAMES: readonly RegExp[] = [
  /(^|[_-])(token|passwd|password|passphrase|secret|authorization|cookie|credential)s?$/i,
  /(^|[_-])((private|api)[_-]?key|signature)s?$/i,
]

const PATTERNS: readonly (readonly [RegExp, string])[] = [
  // User and password in a URL.
  [
    /\b([a-z][a-z\d+.-]{0,15}:\/\/)([^\s/@:]{0,256}:[^\s@]{1,256}|[^\s/@]{1,256})@/gi,
    `$1${HIDDEN}@`,
  ],
  [/\b(Bearer|Basic)\s+[\w.~+/=-]{6,}[^\s"',]*/gi, `$1 ${HIDDEN}`],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, HIDDEN],
  // JSON web tokens.
  [/\beyJ[\w-]{6,}\.[\w-]{6,}\.[\w-]*/g, HIDDEN],
  [
    /\b(token|password|passwd|secret|api[_-]?key)(["']?\s*[=:]\s*["']?)[^\s"',;&}]+/gi,
    `$1$2${HIDDEN}`,
  ],
]

export type FieldValue = string | number | boolean | null

export class Redactor {
  private readonly secrets: readonly string[]

  constructor(secrets: readonly string[]) {
    const spelled = secrets.flatMap((secret) => [secret, encodeURIComponent(secret)])
    const longFirst = [...new Set(spelled)].sort((a, b) => b.length - a.length)
    this.secrets = longFirst.filter((secret) => secret.length >= SECRET_MIN)
  }

  field(name: string, value: FieldValue): FieldValue {
    if (value !== null && SECRET_NAMES.some((names) => names.test(name))) return HIDDEN
    return typeof value === 'string' ? this.text(value) : value
  }

  /** The text without secrets, on one line, cut. */
  text(text: string): string {
    let safe = text
    for (const secret of this.secrets) safe = safe.replaceAll(secret, HIDDEN)
    safe = safe.slice(0, LOOK_MAX)
    for (const [pattern, by] of PATTERNS) safe = safe.replaceAll(pattern, by)
    const whole = safe.length <= TEXT_MAX && text.length <= LOOK_MAX
    return printable(whole ? safe : `${safe.slice(0, TEXT_MAX)}…`)
  }
}
