// The Compose Specification's reference library, as a command: built by Go from compose-spec.go and
// the library's pinned version into the cache folder. The Go command checks what it fetches against
// the public checksum database.
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from '../run.mjs'
import { cacheFolder, ServerProblem } from './folders.mjs'
import { firstOnPath } from './packages.mjs'

const LIBRARY = 'github.com/compose-spec/compose-go/v2'
const VERSION = 'v2.16.2'
const SOURCE = fileURLToPath(new URL('compose-spec.go', import.meta.url))
const TRY_MS = 150_000

/** Where the command is: with a compose file it prints the project as JSON, or ends with 1. */
export function composeSpecCommand() {
  const digest = createHash('sha256').update(readFileSync(SOURCE)).digest('hex').slice(0, 8)
  return cacheFolder('compose-spec', `${VERSION}-${digest}`, 'compose-spec')
}

/**
 * Builds the command when it is not there.
 * @param {import('./fetch.mjs').Say} say
 * @returns {Promise<string>} the command
 */
export async function fetchComposeSpec(say) {
  const command = composeSpecCommand()
  if (existsSync(command)) return command
  if (firstOnPath(['go']) === null) {
    throw new ServerProblem('there is no Go to build the Compose library with (Debian: golang)', 3)
  }
  const target = dirname(command)
  mkdirSync(dirname(target), { recursive: true })
  let last = ''
  for (const attempt of [1, 2]) {
    const folder = mkdtempSync(join(dirname(target), '.build-'))
    say(`building ${LIBRARY} ${VERSION} (attempt ${attempt} of 2, at most ${TRY_MS / 1000} s)`)
    try {
      copyFileSync(SOURCE, join(folder, 'main.go'))
      const module = `module composespec\n\ngo 1.22\n\nrequire ${LIBRARY} ${VERSION}\n`
      writeFileSync(join(folder, 'go.mod'), module)
      const env = { GOFLAGS: '-mod=mod', CGO_ENABLED: '0', GOWORK: 'off' }
      const args = ['build', '-o', 'compose-spec', '.']
      const result = await run('go', args, { timeoutMs: TRY_MS, env, cwd: folder })
      last = result.output.trim().split('\n').slice(-8).join('\n')
      if (result.code === 0) {
        rmSync(target, { recursive: true, force: true })
        renameSync(folder, target)
        return command
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
  throw new ServerProblem(`could not build ${LIBRARY}, tried twice:\n${last}`, 3)
}
