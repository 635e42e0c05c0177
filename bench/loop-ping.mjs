// Ruler of the `loop` bench: the shortest way of two hops over the embedded log. A producer writes
// to one topic, a relay reads it and writes to another, a reader waits there: every part a client
// of its own, records read committed, nothing decided. What the loop adds to this is the loop.
import { performance } from 'node:perf_hooks'
import { follow } from './loop-sight.mjs'

const LATE_MS = 5_000
const PING = 'bench.ping'
const PONG = 'bench.pong'

/** @param {string} topic @param {string} text */
function record(topic, text) {
  const value = new TextEncoder().encode(text)
  return { topic, partition: 0, key: null, value, timestampMs: Date.now() }
}

/**
 * @param {(text: string, at: import('./loop-sight.mjs').SeenAt) => void} each
 * @returns {Parameters<typeof follow>[2]}
 */
function texts(each) {
  return (batch, from, at) =>
    batch.visit(({ buffer, valueStart, valueEnd }) => {
      each(new TextDecoder().decode(buffer.subarray(valueStart, valueEnd)), at)
    }, from)
}

/** @param {import('./loop-log.mjs').BenchLog} log */
export async function startPing({ demo, sight }) {
  const [here, middle] = [demo.connect('here'), demo.connect('middle')]
  const config = { 'message.timestamp.type': 'LogAppendTime', 'retention.ms': '60000' }
  await here.admin().createTopics([PING, PONG].map((topic) => ({ topic, partitions: 1, config })))
  const stop = new AbortController()
  const out = here.producer()
  const back = middle.producer()
  let sent = 0
  /** @type {(text: string, at: import('./loop-sight.mjs').SeenAt) => void} */
  let arrived = () => undefined
  const { signal } = stop
  const relay = texts((text) => void back.send([record(PONG, text)]))
  const loops = [
    follow(sight(), { topic: PING, partitions: 1, signal }, relay),
    follow(
      sight(),
      { topic: PONG, partitions: 1, signal },
      texts((text, at) => arrived(text, at)),
    ),
  ]
  return {
    /** One way there and back, ms. */
    async ping() {
      const wanted = `${++sent}`
      const seen = new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error('no pong within 5 s')), LATE_MS)
        arrived = (text, { arrivedMs }) => {
          if (text !== wanted) return
          clearTimeout(late)
          resolve(arrivedMs)
        }
      })
      const startedMs = performance.now()
      await out.send([record(PING, wanted)])
      return (await seen) - startedMs
    },
    async stop() {
      stop.abort()
      await Promise.all(loops)
      await Promise.all([here.close(), middle.close()])
    },
  }
}
