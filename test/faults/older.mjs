// Loaded before a worker's own code (`node --import`): the build before this one, which knows one
// behaviour less.
import { register } from 'node:module'

const hooks = `
export async function load(url, context, next) {
  const loaded = await next(url, context)
  if (!url.endsWith('/core/kernel/behaviour.js')) return loaded
  const source = String(loaded.source)
  const [before, newest] = /BEHAVIOUR_LATEST = (\\d+)/.exec(source) ?? []
  if (before === undefined) throw new Error('the newest behaviour is not where it was')
  return { ...loaded, source: source.replace(before, 'BEHAVIOUR_LATEST = ' + (newest - 1)) }
}`
register(`data:text/javascript,${encodeURIComponent(hooks)}`)
