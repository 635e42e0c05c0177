// Where the scripts for real servers keep things: what was fetched (cache, can be thrown away) and
// one folder per running server (state). Both follow the XDG base directories.
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Something a person has to put right; its message says what to do. */
export class ServerProblem extends Error {
  /** @param {string} message @param {number} exitCode 1 failed, 2 wrong use, 3 a part is missing */
  constructor(message, exitCode = 1) {
    super(message)
    this.name = 'ServerProblem'
    this.exitCode = exitCode
  }
}

/** @param {string} variable @param {string} fallback below the home folder */
function base(variable, fallback) {
  const named = process.env[variable]
  return join(named !== undefined && named.startsWith('/') ? named : join(homedir(), fallback))
}

/** What was fetched: `~/.cache/healstream/…`. @param {...string} parts */
export const cacheFolder = (...parts) =>
  join(base('XDG_CACHE_HOME', '.cache'), 'healstream', ...parts)

/** Folder of one server: `~/.local/state/healstream/KIND/NAME`. @param {...string} parts */
export const stateFolder = (...parts) =>
  join(base('XDG_STATE_HOME', '.local/state'), 'healstream', ...parts)

/** Names become folders: letters, digits, `-` and `_`, at most 40. @param {string} name */
export function checkName(name) {
  if (/^[A-Za-z0-9][\w-]{0,39}$/.test(name)) return name
  throw new ServerProblem(
    `--name ${JSON.stringify(name)}: use letters, digits, - and _, at most 40, such as kafka-a`,
    2,
  )
}

/** @param {string} text @param {string} option @param {number} [most] highest port */
export function checkPort(text, option, most = 65_535) {
  const port = Number(text)
  if (/^\d+$/.test(text) && port >= 1024 && port <= most) return port
  throw new ServerProblem(`${option} ${text}: use a number from 1024 to ${most}`, 2)
}
