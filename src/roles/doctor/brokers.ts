// The brokers: each bootstrap address asked by itself; each advertised address dialled as a client
// would (the classic trap: the first address answers, and names others that cannot be reached from
// here); the versions they speak; how many there are.
import { type Answer, SPOKEN } from '../../adapters/kafka/inspect.ts'
import { type Finding, fail, ok, warn } from './finding.ts'
import { failureOf, type Reached, reasonOf } from './reach.ts'

export type Answered = Reached & { readonly answer: Answer }

export function isAnswered(reached: Reached): reached is Answered {
  return 'answer' in reached
}

/** Each bootstrap address. */
export function checkBootstrap(reached: readonly Reached[]): readonly Finding[] {
  const isSome = reached.some(isAnswered)
  return reached.map((one) => {
    if (isAnswered(one)) return ok('brokers', `${one.address} answers`)
    const { fix } = reasonOf(one.error)
    const found = failureOf(one)
    // With another one that answers, only the start is at risk.
    return isSome ? warn('brokers', found, fix) : fail('brokers', found, fix)
  })
}

export interface Advertised {
  readonly node: number
  readonly reached: Reached
}

/** Addresses that brokers say they have, seen from a bootstrap address that answered. */
export function checkListeners(
  bootstrap: Answered,
  advertised: readonly Advertised[],
): readonly Finding[] {
  return advertised.map(({ node, reached }) => {
    const { address } = reached
    const who = `broker ${node} advertises ${address}`
    if (!isAnswered(reached)) {
      const { why } = reasonOf(reached.error)
      const found = `${who}, which cannot be reached from here: ${why}`
      return fail('listeners', found, advice(node, bootstrap))
    }
    const { clusterId } = reached.answer
    if (clusterId !== bootstrap.answer.clusterId) {
      const found = `${who}, where cluster ${clusterId} answers, not ${bootstrap.answer.clusterId}`
      return fail('listeners', found, advice(node, bootstrap))
    }
    return ok('listeners', `${who}, which answers`)
  })
}

/** With one broker, the address that answered is one that would do. */
function advice(node: number, bootstrap: Answered): string {
  const isAlone = bootstrap.answer.brokers.length === 1
  const example = isAlone ? bootstrap.address : 'HOST:PORT'
  return (
    `In server.properties of broker ${node} set advertised.listeners to an address of it that ` +
    `clients reach, as in advertised.listeners=NAME://${example}, and restart it; clients in ` +
    'another network need a listener of their own.'
  )
}

/** Versions of every request that is sent, for one broker. */
export function checkVersions(address: string, { ranges }: Answer): Finding {
  const wrong = SPOKEN.flatMap(({ apiKey, apiName, apiVersion }) => {
    const range = ranges.get(apiKey)
    if (range === undefined) return [`${apiName} not at all`]
    const { minVersion, maxVersion } = range
    return apiVersion < minVersion || apiVersion > maxVersion
      ? [`${apiName} ${minVersion} to ${maxVersion}, not ${apiVersion}`]
      : []
  })
  if (wrong.length === 0) return ok('versions', `${address} speaks all ${SPOKEN.length} requests`)
  const found = `${address} speaks ${wrong.join('; ')}`
  return fail(
    'versions',
    found,
    'Use brokers of Apache Kafka 2.8 to 4.x, or what speaks as they do.',
  )
}

export function checkSize({ brokers, clusterId }: Answer): Finding {
  const found = `cluster ${clusterId ?? 'without an id'}, ${brokers.length} broker(s)`
  if (clusterId === null)
    return fail('cluster', found, 'Use Kafka 0.10.1 or newer: journals are bound to a cluster id.')
  return brokers.length >= 3
    ? ok('cluster', found)
    : warn('cluster', found, 'Fine for a trial. To go on when one is lost, three are needed.')
}
