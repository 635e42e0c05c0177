// `./scripts/redis`: a real Redis (or Valkey) on this machine, without a container engine.
import { firstOnPath, installPackages } from './lib/servers/packages.mjs'
import { REDIS, REDIS_PROGRAMS } from './lib/servers/redis.mjs'
import { serviceMain } from './lib/servers/service-command.mjs'

await serviceMain({
  name: 'redis',
  service: REDIS,
  port: 6379,
  about: `Redis in memory alone: its keys are gone with it. Uses redis-server or valkey-server when
it is there (6.2 or newer), else Debian's package (as root), else docker compose.`,
  install: 'Install Redis (Debian: redis-server; macOS: brew install redis).',
  variable: '',
  url: (port) => `redis://127.0.0.1:${port}`,
  prepare: async (say) =>
    firstOnPath(REDIS_PROGRAMS) === null ? await installPackages(['redis-server'], say) : null,
})
