// Options that several commands share.
import { type Command, InvalidArgumentError, Option } from 'commander'
import { parseDuration } from '../contracts/duration.ts'
import type { ExitCode } from '../contracts/failure.ts'

/** How a command that can end well in several ways ended (findings, interrupted). */
export interface Ending {
  code: ExitCode
}

export const outputOption = (): Option =>
  new Option('-o, --output <format>', 'how to print').choices(['table', 'json']).default('table')

/** Adds the options of every command that reads a run. */
export function reading(command: Command): Command {
  return command
    .addOption(outputOption())
    .option('--url <url>', 'endpoint of the run (default: found by its run file)')
    .option('--token-file <path>', 'file with its token (default: found by its run file)')
}

/** A whole number from `min` to `max`, or a usage error. */
export function whole(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= min && value <= max) return value
    throw new InvalidArgumentError(`expected a whole number from ${min} to ${max}.`)
  }
}

/** A duration as text gives milliseconds, or a usage error. */
export function span(text: string): number {
  const ms = parseDuration(text)
  if (ms !== null) return ms
  throw new InvalidArgumentError('expected a duration such as 65s or 5m.')
}
