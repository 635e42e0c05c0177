// Where a command writes: data to stdout, talk to stderr, colour only on a terminal whose user has
// not set NO_COLOR. A closed pipe (`healstream tail … | head`) ends the program quietly.
import { EXIT } from '../contracts/failure.ts'

export type Colour = 'green' | 'yellow' | 'red' | 'bold' | 'dim'

const CODES: Readonly<Record<Colour, number>> = {
  green: 32,
  yellow: 33,
  red: 31,
  bold: 1,
  dim: 2,
}

export interface Terminal {
  /** A line of data. */
  readonly out: (line: string) => void
  /** To stdout as it is: control sequences of our own, on a terminal only. */
  readonly raw: (text: string) => void
  /** A line of talk. */
  readonly say: (line: string) => void
  /** Paints for stdout, or gives the text back where there is no colour. */
  readonly paint: (colour: Colour, text: string) => string
  readonly interactive: boolean
}

export function openTerminal(env: Readonly<Record<string, string | undefined>>): Terminal {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(EXIT.ok)
      throw error
    })
  }
  const plain = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb'
  const colours = process.stdout.isTTY && !plain
  return {
    out: (line) => void process.stdout.write(`${line}\n`),
    raw: (text) => void process.stdout.write(text),
    say: (line) => void process.stderr.write(`${line}\n`),
    paint: (colour, text) => (colours ? `\u001B[${CODES[colour]}m${text}\u001B[0m` : text),
    interactive: process.stdout.isTTY,
  }
}
