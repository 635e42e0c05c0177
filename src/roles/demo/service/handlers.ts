// The two services of the demo: `stock` knows how many there are, `shop` sells one after asking
// `stock`.
import type { PeerCaller } from './peers.ts'
import type { Handler } from './service.ts'

const ITEMS = ['apple', 'bread', 'candle', 'drum', 'envelope']

export const stock: Handler = (path, work) => {
  const item = /^\/stock\/([a-z]{1,20})$/.exec(path)?.[1]
  if (item === undefined) return null
  return (async () => {
    await work()
    const known = ITEMS.includes(item)
    return { status: known ? 200 : 404, body: { item, available: known ? 1_000 : 0 } }
  })()
}

/** Sells the items in turn. */
export function shop(peers: Pick<PeerCaller, 'call'>): Handler {
  let next = 0
  return (path, work) => {
    if (path !== '/buy') return null
    return (async () => {
      const item = ITEMS[next++ % ITEMS.length] ?? ''
      await work()
      await peers.call(`/stock/${item}`)
      return { status: 200, body: { sold: item } }
    })()
  }
}
