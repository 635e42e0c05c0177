// Asks a broker whether it really serves: ApiVersions and Metadata (KIP-35; both in a version that
// Kafka 2.0 to 4.x speak), written by hand, over TCP or TLS. A port that is open proves nothing: a
// broker opens it seconds before it is registered.
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** @typedef {import('./kafka-settings.mjs').Listener} Listener */

const API_VERSIONS = { key: 18, version: 0 }
const METADATA = { key: 3, version: 4 }
const FIND_COORDINATOR = { key: 10, version: 1 }
/** COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE; a refusal would be an answer. */
const NO_COORDINATOR = new Set([14, 15])
const CLIENT_ID = 'healstream-probe'

/** @param {{ key: number, version: number }} api @param {Buffer} body */
function request({ key, version }, body) {
  const head = Buffer.alloc(14)
  head.writeInt32BE(10 + CLIENT_ID.length + body.length, 0)
  head.writeInt16BE(key, 4)
  head.writeInt16BE(version, 6)
  head.writeInt32BE(key, 8)
  head.writeInt16BE(CLIENT_ID.length, 12)
  return Buffer.concat([head, Buffer.from(CLIENT_ID), body])
}

/** @param {Listener} listener @returns {import('node:net').Socket} */
function open({ host, port, protocol }) {
  if (!protocol.endsWith('SSL')) return connect({ host, port })
  // Only whether the broker answers is asked here, nothing is told to it.
  return connectTls({ host, port, rejectUnauthorized: false })
}

/**
 * One request on a connection that has none under way.
 * @param {import('node:net').Socket} socket
 * @param {{ key: number, version: number }} api
 * @param {Buffer} body
 * @returns {Promise<Buffer>} the answer behind its correlation id
 */
function ask(socket, api, body) {
  return new Promise((resolve, reject) => {
    let got = Buffer.alloc(0)
    const fail = (/** @type {Error} */ error) => reject(error)
    const closed = () => reject(new Error('closed the connection'))
    socket.once('error', fail).once('close', closed)
    socket.on('data', function more(chunk) {
      got = Buffer.concat([got, chunk])
      if (got.length < 4 || got.length < 4 + got.readInt32BE(0)) return
      socket.removeListener('data', more)
      socket.removeListener('error', fail).removeListener('close', closed)
      if (got.readInt32BE(4) === api.key) resolve(got.subarray(8, 4 + got.readInt32BE(0)))
      else reject(new Error('answered something else'))
    })
    socket.write(request(api, body))
  })
}

/** Highest version of Metadata in an ApiVersions answer. @param {Buffer} answer */
export function metadataVersion(answer) {
  if (answer.readInt16BE(0) !== 0) return -1
  for (let i = 0; i < answer.readInt32BE(2); i++) {
    const at = 6 + i * 6
    if (answer.readInt16BE(at) === METADATA.key) return answer.readInt16BE(at + 4)
  }
  return -1
}

/** Ids of the brokers in a Metadata answer. @param {Buffer} answer @returns {number[]} */
export function brokerIds(answer) {
  const ids = []
  let at = 8
  for (let i = 0; i < answer.readInt32BE(4); i++) {
    ids.push(answer.readInt32BE(at))
    at += 4
    at += 2 + answer.readInt16BE(at)
    at += 4
    at += 2 + Math.max(0, answer.readInt16BE(at))
  }
  return ids
}

/**
 * Ids of the brokers that a broker knows to be alive. Behind SASL only ApiVersions may be asked;
 * there, and where a client certificate is wanted, the answer is null: it serves, more cannot be
 * seen.
 * @param {Listener} listener
 * @param {number} withinMs
 * @returns {Promise<number[] | null>}
 * @throws {Error} it does not serve
 */
export async function aliveBrokers(listener, withinMs) {
  const socket = open(listener)
  const timer = setTimeout(() => socket.destroy(new Error('does not answer')), withinMs)
  try {
    const versions = await ask(socket, API_VERSIONS, Buffer.alloc(0))
    if (listener.protocol.startsWith('SASL')) return null
    if (metadataVersion(versions) < METADATA.version) throw new Error('is no Kafka from 2.0 on')
    const noTopics = Buffer.from([0, 0, 0, 0, 0])
    return brokerIds(await ask(socket, METADATA, noTopics))
  } catch (error) {
    if (error instanceof Error && /certificate required|bad certificate/.test(error.message)) {
      return null
    }
    throw error
  } finally {
    clearTimeout(timer)
    socket.on('error', () => {}).destroy()
  }
}

/**
 * Whether coordinators of groups and of transactions can be found. The first one to ask makes the
 * broker create their topics, which takes it a second or more: that is over when a cluster is
 * called ready.
 * @param {Listener} listener without SASL
 * @param {number} withinMs
 * @returns {Promise<boolean>}
 */
export async function hasCoordinators(listener, withinMs) {
  const socket = open(listener)
  const timer = setTimeout(() => socket.destroy(new Error('does not answer')), withinMs)
  try {
    for (const type of [0, 1]) {
      const key = Buffer.from([0, CLIENT_ID.length, ...Buffer.from(CLIENT_ID), type])
      const answer = await ask(socket, FIND_COORDINATOR, key)
      if (NO_COORDINATOR.has(answer.readInt16BE(4))) return false
    }
    return true
  } finally {
    clearTimeout(timer)
    socket.on('error', () => {}).destroy()
  }
}
