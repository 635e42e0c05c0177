// From settings to how Redis is reached. Only the projector asks for it: nothing that decides knows
// that there is a Redis.
import type { RedisOptions } from '../../adapters/redis/connection.ts'
import { readSecret } from '../../config/secrets.ts'
import type { ResolvedSettings } from '../../config/settings.ts'
import { readable, tlsOptions } from '../parts/access.ts'

/** null: views are not shared. Errors: HS_CONFIG when a named file cannot be read. */
export function redisOptionsOf({ settings, origin }: ResolvedSettings): RedisOptions | null {
  const { redis } = settings
  if (redis === null) return null
  const { url, username, passwordFile, tls } = redis
  for (const name of ['caFile', 'certFile', 'keyFile'] as const) {
    const path = tls?.[name] ?? null
    if (path !== null) readable(`redis.${name}`, path, origin)
  }
  const key = 'redis.passwordFile'
  if (passwordFile !== null) readSecret(passwordFile, `${key} (${origin(key)})`)
  return {
    url,
    ...(username === null ? {} : { username }),
    ...(passwordFile === null ? {} : { passwordFile }),
    ...(tls === null ? {} : { tls: tlsOptions(tls) }),
  }
}
