// What is said about brokers that answer, do not, or are not who they were said to be.
import { describe, expect, it } from 'vitest'
import { type Answer, SPOKEN } from '../../../src/adapters/kafka/inspect.ts'
import {
  type Answered,
  checkBootstrap,
  checkListeners,
  checkSize,
  checkVersions,
} from '../../../src/roles/doctor/brokers.ts'
import type { Reached } from '../../../src/roles/doctor/reach.ts'
import { LogError } from '../../../src/runtime/log-error.ts'

const ranges = new Map(SPOKEN.map(({ apiKey }) => [apiKey, { minVersion: 0, maxVersion: 99 }]))
const broker = (node: number, host: string, port: number) => ({ node, host, port })
const answer: Answer = { clusterId: 'c1', brokers: [broker(1, 'kafka-1', 9092)], ranges }
const bootstrap: Answered = { address: '10.0.0.5:9092', answer }
const dead = (address: string, code: string): Reached => {
  const cause = Object.assign(new Error('no'), { code })
  return { address, error: new LogError('UNAVAILABLE', 'not reached', { cause }) }
}

describe('bootstrap addresses', () => {
  it('fail when none answers, and only warn when another one does', () => {
    const gone = dead('a:1', 'ECONNREFUSED')
    expect(checkBootstrap([gone]).map(({ level }) => level)).toEqual(['fail'])
    const levels = checkBootstrap([gone, bootstrap]).map(({ level }) => level)
    expect(levels).toEqual(['warn', 'ok'])
  })

  it.each([
    ['ENOTFOUND', /host name is not known here/],
    ['ECONNREFUSED', /nothing listens there/],
    ['ETHING', /not reached/],
  ])('say why in words: %s', (code, words) => {
    expect(checkBootstrap([dead('a:1', code)])[0]?.found).toMatch(words)
  })
})

describe('advertised listeners', () => {
  // The classic: the broker answers on its published port and then names its name in a container
  // network. Clients connect, read that, and time out for ever without a word about the reason.
  it('that cannot be reached are named, with what to set', () => {
    const reached = dead('kafka-1:9092', 'ENOTFOUND')
    const [finding] = checkListeners(bootstrap, [{ node: 1, reached }])
    expect(finding?.level).toBe('fail')
    expect(finding?.found).toBe(
      'broker 1 advertises kafka-1:9092, which cannot be reached from here: ' +
        'the host name is not known here',
    )
    expect(finding?.fix).toContain('advertised.listeners=NAME://10.0.0.5:9092')
  })

  it('that lead to another cluster are told apart', () => {
    const other = { address: 'localhost:9092', answer: { ...answer, clusterId: 'c2' } }
    const [finding] = checkListeners(bootstrap, [{ node: 1, reached: other }])
    expect(finding).toMatchObject({ level: 'fail' })
    expect(finding?.found).toContain('where cluster c2 answers, not c1')
  })

  it('that answer are fine', () => {
    const [finding] = checkListeners(bootstrap, [{ node: 1, reached: bootstrap }])
    expect(finding?.level).toBe('ok')
  })
})

describe('versions', () => {
  it('are fine when every request lies in the range', () => {
    expect(checkVersions('a:1', answer).level).toBe('ok')
  })

  it('that are too new or missing are named', () => {
    const fetch = SPOKEN.find(({ apiName }) => apiName === 'Fetch')
    const newer = new Map([...ranges, [fetch?.apiKey ?? -1, { minVersion: 99, maxVersion: 99 }]])
    newer.delete(SPOKEN.find(({ apiName }) => apiName === 'EndTxn')?.apiKey ?? -1)
    const finding = checkVersions('a:1', { ...answer, ranges: newer })
    expect(finding.level).toBe('fail')
    expect(finding.found).toContain(`Fetch 99 to 99, not ${fetch?.apiVersion}`)
    expect(finding.found).toContain('EndTxn not at all')
  })
})

describe('the number of brokers', () => {
  it.each([
    [1, 'warn'],
    [3, 'ok'],
  ])('%d: %s', (count, level) => {
    const brokers = Array.from({ length: count }, (_, i) => broker(i, 'h', 1))
    expect(checkSize({ ...answer, brokers }).level).toBe(level)
  })
})
