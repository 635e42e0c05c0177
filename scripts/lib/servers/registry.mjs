// The schema registry: Apicurio in memory, with the API of Confluent's registry under
// /apis/ccompat/v7 (docs/DESIGN.md section 10).
import { javaCommand, registryRunner } from './fetch.mjs'

const PATH = '/apis/ccompat/v7'

/** What HEALSTREAM_REGISTRY_URL is to be. @param {number} port */
export const registryUrl = (port) => `http://127.0.0.1:${port}${PATH}`

/** @type {import('./service.mjs').Service} */
export const REGISTRY = {
  kind: 'schema registry',
  readyMs: 60_000,
  mark: (folder) => `-Dhealstream.folder=${folder}`,
  launch: (folder, port) => {
    const jvm = ['-Xmx384m', '-XX:+UseSerialGC', '-XX:+ExitOnOutOfMemoryError']
    const http = ['-Dquarkus.http.host=127.0.0.1', `-Dquarkus.http.port=${port}`]
    const args = [`-Dhealstream.folder=${folder}`, `-Djava.io.tmpdir=${folder}`]
    return {
      command: javaCommand(),
      args: [...jvm, ...http, ...args, '-jar', registryRunner()],
    }
  },
  serves: async (port) => {
    try {
      const url = `${registryUrl(port)}/subjects`
      const answer = await fetch(url, { signal: AbortSignal.timeout(3000) })
      return answer.ok && Array.isArray(await answer.json())
    } catch {
      return false
    }
  },
}
