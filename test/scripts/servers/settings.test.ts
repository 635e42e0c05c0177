// Settings of brokers: what a user gives wins, values of each node are filled in, and what is read
// back is what Java reads.
import { describe, expect, test } from 'vitest'
import { javaMajor } from '../../../scripts/lib/servers/fetch.mjs'
import { checkName, checkPort, ServerProblem } from '../../../scripts/lib/servers/folders.mjs'
import { nodesFrom } from '../../../scripts/lib/servers/kafka.mjs'
import {
  clientListeners,
  parseSet,
  propertiesText,
  readProperties,
} from '../../../scripts/lib/servers/kafka-settings.mjs'

const settings = (more: object = {}) => ({
  folder: '/tmp/k',
  nodes: nodesFrom(3, 9092),
  advertise: null,
  properties: '',
  set: {},
  ...more,
})
const second = { node: 2, port: 9093, controllerPort: 9193, extraPort: 9293 }
const read = (more: object = {}) => readProperties(propertiesText(settings(more), second))

describe('settings of a broker', () => {
  test('three nodes keep three replicas, two of them in sync; one keeps one', () => {
    const three = read()
    expect(three.get('controller.quorum.voters')).toBe(
      '1@127.0.0.1:9192,2@127.0.0.1:9193,3@127.0.0.1:9194',
    )
    expect(three.get('transaction.state.log.replication.factor')).toBe('3')
    expect(three.get('min.insync.replicas')).toBe('2')
    const one = read({ nodes: nodesFrom(1, 9092) })
    expect(one.get('offsets.topic.replication.factor')).toBe('1')
    expect(one.get('min.insync.replicas')).toBe('1')
  })

  test('a file wins over ours, a single setting wins over the file', () => {
    const properties = 'num.io.threads=7\nlog.retention.ms=5\n'
    const found = read({ properties, set: { 'log.retention.ms': '6' } })
    expect([found.get('num.io.threads'), found.get('log.retention.ms')]).toEqual(['7', '6'])
  })

  test('values of the node are filled in; other braces stay', () => {
    const properties = 'listeners=SSL://:{extraPort},CONTROLLER://:{controllerPort}\n'
    const found = read({ properties, set: { 'broker.rack': 'r{node}', x: '{other}' } })
    expect(found.get('listeners')).toBe('SSL://:9293,CONTROLLER://:9193')
    expect([found.get('broker.rack'), found.get('x')]).toEqual(['r2', '{other}'])
  })

  test('a backslash survives', () => {
    expect(read({ set: { x: 'a\\b\\\\c' } }).get('x')).toBe('a\\b\\\\c')
  })

  test('an advertised address', () => {
    expect(read({ advertise: 'gone.example:1' }).get('advertised.listeners')).toBe(
      'PLAINTEXT://gone.example:1',
    )
  })
})

describe('reading properties', () => {
  test('comments, separators, continued lines, the last one of a name', () => {
    const text = '# a=1\n! b=2\n c : 3\nd 4\ne=one \\\n   two\nf=x=y\nf=z\n\n'
    expect([...readProperties(text)]).toEqual([
      ['c', '3'],
      ['d', '4'],
      ['e', 'one two'],
      ['f', 'z'],
    ])
  })

  test('listeners of clients, with the protocol their names stand for', () => {
    const found = clientListeners(
      new Map([
        ['listeners', 'IN://127.0.0.1:1,OUT://:2, SSL://0.0.0.0:3,V6://[::1]:5,C://127.0.0.1:4'],
        ['controller.listener.names', 'C'],
        ['listener.security.protocol.map', 'IN:PLAINTEXT,OUT:SASL_SSL,SSL:SSL,V6:PLAINTEXT,C:SSL'],
      ]),
    )
    expect(found).toEqual([
      { name: 'IN', protocol: 'PLAINTEXT', host: '127.0.0.1', port: 1 },
      { name: 'OUT', protocol: 'SASL_SSL', host: '127.0.0.1', port: 2 },
      { name: 'SSL', protocol: 'SSL', host: '127.0.0.1', port: 3 },
      { name: 'V6', protocol: 'PLAINTEXT', host: '::1', port: 5 },
    ])
  })
})

describe('options', () => {
  test('single settings; a value may hold =', () => {
    expect(parseSet(['a.b=1', 'sasl=x=y', 'empty='])).toEqual({
      'a.b': '1',
      sasl: 'x=y',
      empty: '',
    })
  })

  test.each(['a', '=1', 'a b=1', 'a=1\nb=2'])('%j is no setting', (option) => {
    expect(() => parseSet([option])).toThrow(ServerProblem)
  })

  test.each(['', '../x', 'a/b', '-a', 'a b', 'a'.repeat(41)])('%j is no name', (name) => {
    expect(() => checkName(name)).toThrow(/--name/)
  })

  test.each(['', 'x', '80', '70000', '9092.5', '-1'])('%j is no port', (port) => {
    expect(() => checkPort(port, '--port')).toThrow(/--port/)
  })

  test('the version of Java', () => {
    expect(javaMajor('openjdk version "17.0.15" 2025-04-15')).toBe(17)
    expect(javaMajor('java version "1.8.0_402"')).toBe(8)
    expect(javaMajor('openjdk version "25-ea" 2025')).toBe(25)
    expect(javaMajor('sh: java: not found')).toBeNull()
  })
})
