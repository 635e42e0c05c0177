// `./scripts/registry`: a real schema registry on this machine, without a container engine.
import { existsSync } from 'node:fs'
import { fetchRegistry, registryFolder, whatIsMissing } from './lib/servers/fetch.mjs'
import { REGISTRY, registryUrl } from './lib/servers/registry.mjs'
import { serviceMain } from './lib/servers/service-command.mjs'

await serviceMain({
  name: 'registry',
  service: REGISTRY,
  port: 8081,
  about: `The schema registry (Apicurio, with the API of Confluent's) in memory: its subjects are
gone with it. Needs Java 17 or newer, and Maven the first time; otherwise docker compose is used.`,
  install: 'Install OpenJDK 17 and Maven (Debian: openjdk-17-jre-headless maven).',
  variable: 'HEALSTREAM_REGISTRY_URL',
  url: registryUrl,
  prepare: async (say) => {
    const missing = whatIsMissing()
    const why = missing.java ?? (existsSync(registryFolder()) ? null : missing.maven)
    if (why === null) await fetchRegistry(say)
    return why
  },
})
