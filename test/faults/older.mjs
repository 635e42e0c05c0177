// Loaded before a worker's own code (`node --import`): the build before this one, which knows one
// behaviour less.
import { register } from 'node:module'

const hooks = `
export async function load(url, context, next) {
  const loaded = await next(url, context)
  if (!url.endsWith('/core/kernel/behaviour.js')) return loaded
  const source = String(loaded.source)
  const older = source.replace(/BEHAVIOUR_LATEST = (\\d+)/, (_, n) => 'BEHAVIOUR_LATEST = ' + (n - 1))
  if (older === source) throw new Error('the newest behaviour is not where it was')
  return { ...loaded, source: older }
}`
register(`data:text/javascript,${encodeURIComponent(hooks)}`)
