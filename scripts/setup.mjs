// Set-up shared by `scripts/test` and `scripts/demo`: dependencies (only when the lock file
// changed) and build (only what changed). Says what it does, is bounded in time, tries a failed
// install once more.
import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ROOT, run, tool } from './lib/run.mjs'

const INSTALL_MS = 100_000
const BUILD_MS = 120_000
const STAMP = `${ROOT}node_modules/.healstream-stamp`
const BIN = `${ROOT}node_modules/.bin/healstream`
const TARGET = '../../dist/cli/main.js'

/** What node_modules was installed from: lock file, Node's ABI and the platform. */
function wanted() {
  const hash = createHash('sha256').update(readFileSync(`${ROOT}package-lock.json`))
  hash.update(`${process.versions.modules} ${process.platform} ${process.arch}`)
  return hash.digest('hex')
}

function installed() {
  if (!existsSync(STAMP)) return false
  return readFileSync(STAMP, 'utf8') === wanted()
}

/**
 * @param {(line: string) => void} say
 * @returns {Promise<string | null>} what went wrong, or null
 */
async function install(say) {
  if (installed()) {
    say('dependencies: as in the lock file')
    return null
  }
  for (const attempt of [1, 2]) {
    say(`dependencies: npm ci (attempt ${attempt} of 2, at most ${INSTALL_MS / 1000} s)`)
    const result = await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
      timeoutMs: INSTALL_MS,
    })
    if (result.code === 0) {
      writeFileSync(STAMP, wanted())
      say(`dependencies: installed in ${result.seconds.toFixed(1)} s`)
      return null
    }
    say(result.output.trim().split('\n').slice(0, 20).join('\n'))
  }
  return 'npm ci failed twice, see above: check the network, and that this folder is yours'
}

/**
 * @param {(line: string) => void} say
 * @returns {Promise<string | null>} what went wrong, or null
 */
async function build(say) {
  const result = await tool('tsc', ['-b'], { timeoutMs: BUILD_MS })
  if (result.code === 0) {
    say(`build: tsc -b, ${result.seconds.toFixed(1)} s`)
    return null
  }
  say(result.output.trim())
  return 'the build failed: correct the lines above and run again'
}

/**
 * Makes `npx healstream` run what was built here.
 * @returns {string | null} what went wrong, or null
 */
function link() {
  const main = `${ROOT}dist/cli/main.js`
  if (!existsSync(main)) return 'the build made no dist/cli/main.js'
  if ((statSync(main).mode & 0o111) !== 0o111) chmodSync(main, 0o755)
  if (linkedTo() === TARGET) return null
  rmSync(BIN, { force: true })
  symlinkSync(TARGET, BIN)
  return null
}

/** What the link points to, or null without one. */
function linkedTo() {
  try {
    return readlinkSync(BIN)
  } catch {
    return null
  }
}

/**
 * @param {(line: string) => void} say
 * @returns {Promise<string | null>} a sentence saying what went wrong, or null
 */
export async function setUp(say) {
  try {
    return (await install(say)) ?? (await build(say)) ?? link()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return `${reason}: set-up writes to node_modules and dist, make them yours and run again`
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const problem = await setUp((line) => console.error(`set-up · ${line}`))
  if (problem !== null) {
    console.error(`set-up · ${problem}`)
    process.exit(1)
  }
}
