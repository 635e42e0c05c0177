// Gets real servers from Maven Central into the cache folder, once: into a folder beside it first,
// then renamed, so that an interrupted download is never taken for a whole one. Checksums are
// checked by Maven, the time is bounded, a failed try is made once more.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from '../run.mjs'
import { cacheFolder, ServerProblem } from './folders.mjs'
import { undoOnExit } from './processes.mjs'

const TRY_MS = 150_000
const PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1'
const POM = fileURLToPath(new URL('pom.xml', import.meta.url))
const JAVA_NEEDED = 17

/** Versions that are tried out; the first one is the default. */
export const KAFKA_VERSIONS = /** @type {const} */ (['4.1.1', '3.9.1'])
const REGISTRY_VERSION = '2.6.13.Final'
const REGISTRY_ARTIFACT = `io.apicurio:apicurio-registry-app:${REGISTRY_VERSION}:tar.gz:all`

/** @typedef {(line: string) => void} Say */

/** The Java to start: that of JAVA_HOME, else the one on the PATH. */
export function javaCommand() {
  const home = process.env['JAVA_HOME'] ?? ''
  const command = join(home, 'bin', 'java')
  return home !== '' && existsSync(command) ? command : 'java'
}

/** Major version in what `java -version` prints; `1.8.0` is 8. @param {string} text */
export function javaMajor(text) {
  const found = /version "(?:1\.)?(\d+)/.exec(text)?.[1]
  return found === undefined ? null : Number(found)
}

/**
 * Java and Maven as they are here; the words are for people.
 * @returns {{ java: string | null, maven: string | null }} null where it is good enough
 */
export function whatIsMissing() {
  const java = spawnSync(javaCommand(), ['-version'], { encoding: 'utf8' })
  const major = java.error === undefined ? javaMajor(java.stderr + java.stdout) : null
  const maven = spawnSync('mvn', ['--version'], { encoding: 'utf8' })
  return { java: javaWords(major), maven: maven.status === 0 ? null : 'there is no Maven (mvn)' }
}

/** @param {number | null} major */
function javaWords(major) {
  if (major === null) return 'there is no Java'
  return major >= JAVA_NEEDED ? null : `Java is ${major}, ${JAVA_NEEDED} or newer is needed`
}

/** @param {string} version */
export const kafkaFolder = (version) => cacheFolder('kafka', version)
export const registryFolder = () => cacheFolder('registry', REGISTRY_VERSION)
/** The jar that starts the schema registry. */
export const registryRunner = () =>
  join(registryFolder(), `apicurio-registry-app-${REGISTRY_VERSION}-runner.jar`)

/**
 * Folder with the jars of a Kafka version, fetched when it is not there.
 * @param {string} version
 * @param {Say} say
 */
export function fetchKafka(version, say) {
  return fetchInto(kafkaFolder(version), `Kafka ${version}, 55 MB`, say, (folder) => [
    mvn('-f', POM, `-Dkafka.version=${version}`, `${PLUGIN}:copy-dependencies`, [
      `-DoutputDirectory=${folder}`,
    ]),
  ])
}

/**
 * Folder with the unpacked schema registry, fetched when it is not there.
 * @param {Say} say
 */
export function fetchRegistry(say) {
  const name = `Apicurio Registry ${REGISTRY_VERSION}, 142 MB`
  return fetchInto(registryFolder(), name, say, (folder) => {
    const archive = join(folder, `apicurio-registry-app-${REGISTRY_VERSION}-all.tar.gz`)
    return [
      mvn(`${PLUGIN}:copy`, `-Dartifact=${REGISTRY_ARTIFACT}`, `-DoutputDirectory=${folder}`),
      ['tar', '-xzf', archive, '-C', folder],
      ['rm', archive],
    ]
  })
}

/** @param {...(string | string[])} args @returns {readonly string[]} */
const mvn = (...args) => ['mvn', '-q', '-B', '--strict-checksums', ...args.flat()]

/**
 * @param {string} target
 * @param {string} what
 * @param {Say} say
 * @param {(folder: string) => readonly (readonly string[])[]} commands that fill a folder
 */
async function fetchInto(target, what, say, commands) {
  if (existsSync(target)) return target
  mkdirSync(dirname(target), { recursive: true })
  let last = ''
  for (const attempt of [1, 2]) {
    const folder = mkdtempSync(join(dirname(target), `.${basename(target)}-`))
    const done = undoOnExit(() => rmSync(folder, { recursive: true, force: true }))
    say(`fetching ${what} (attempt ${attempt} of 2, at most ${TRY_MS / 1000} s)`)
    const start = performance.now()
    try {
      last = await runAll(commands(folder), start + TRY_MS)
      if (last === '' && publish(folder, target)) {
        say(`fetched into ${target}, ${((performance.now() - start) / 1000).toFixed(1)} s`)
        return target
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
      done()
    }
  }
  throw new ServerProblem(
    `could not fetch ${what}, tried twice:\n${last}\n` +
      'Maven must reach Maven Central or a mirror of it (~/.m2/settings.xml); then run again.',
    3,
  )
}

/**
 * @param {readonly (readonly string[])[]} commands
 * @param {number} endMs
 * @returns {Promise<string>} what went wrong, or an empty text
 */
async function runAll(commands, endMs) {
  for (const [command = '', ...args] of commands) {
    const timeoutMs = Math.max(0, endMs - performance.now())
    const result = await run(command, args, { timeoutMs })
    if (result.code !== 0) {
      const text = result.output.trim().split('\n').slice(0, 8).join('\n')
      return text === '' ? `${command} ended with ${result.code}` : text
    }
  }
  return ''
}

/**
 * Two fetches at once: the first one wins, both are whole.
 * @param {string} folder @param {string} target
 */
function publish(folder, target) {
  try {
    renameSync(folder, target)
  } catch (error) {
    if (!existsSync(target)) throw error
  }
  return true
}
