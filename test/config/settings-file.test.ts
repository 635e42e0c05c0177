// A configuration file: every mistake is told with file, line, column, field, found and expected.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseSettings, readSettingsFile } from '../../src/config/settings-file.ts'
import { HsError } from '../../src/contracts/failure.ts'

const parse = (text: string) => parseSettings(text, '/etc/hs/x.yaml')

function refusal(text: string): string {
  try {
    parse(text)
  } catch (error) {
    if (error instanceof HsError && error.code === 'HS_CONFIG') return error.message
    throw error
  }
  throw new Error('nothing was refused')
}

const AGENT = `
agent:
  id: agent-1
  stateDir: state
  instances:
    - service: stock
      instance: stock-1
      port: 8081
      healthPath: /health
      command: [node, server.mjs]
      grace: 1s
`

test('an agent: durations in milliseconds, paths beside the file', () => {
  const { settings, lineOf } = parse(AGENT)
  expect(settings.agent).toEqual({
    id: 'agent-1',
    stateDir: '/etc/hs/state',
    instances: [
      {
        service: 'stock',
        instance: 'stock-1',
        port: 8_081,
        healthPath: '/health',
        command: ['node', 'server.mjs'],
        grace: 1_000,
        cwd: '/etc/hs',
      },
    ],
  })
  expect(lineOf('agent.stateDir')).toBe(4)
})

test.each(['', '# nothing\n', '{}', 'kafka: {}\n'])('%j sets nothing and is fine', (text) => {
  expect(parse(text).settings.agent).toBeUndefined()
})

describe('refused, with its place', () => {
  test.each([
    ['kafka:\n  broker: [a:1]\n', '/etc/hs/x.yaml:2:3: kafka.broker: found "broker", expected one'],
    ['kafka:\n  broker: [a:1]\n', 'did you mean "brokers"?'],
    [
      'kafka:\n  brokers: a:1\n',
      '/etc/hs/x.yaml:2:12: kafka.brokers: found "a:1", expected a list',
    ],
    ['kafka: {brokers: [a]}', 'kafka.brokers[0]: found "a", expected host:port'],
    ['kafka: {tls: {enabled: yes}}', 'kafka.tls.enabled: found "yes", expected true or false'],
    ['log: {level: loud}', 'log.level: found "loud", expected one of debug, info'],
    ['[1, 2]', 'expected an object with named fields'],
    ['prefix: a\nprefix: b\n', '/etc/hs/x.yaml:2:1: found Map keys must be unique'],
    ['a: &x 1\nb: *x\n', 'found an alias of an anchor, expected every value written out'],
    ['a: [', '/etc/hs/x.yaml:1:'],
    [AGENT.replace('8081', '0'), 'agent.instances[0].port: found 0, expected at least 1'],
    [AGENT.replace('/health', 'health'), 'agent.instances[0].healthPath: found "health"'],
    [AGENT.replace('[node, server.mjs]', 'node server.mjs'), 'command: found "node server.mjs"'],
    [AGENT.replace('1s', '1 second'), 'expected a duration such as 500ms, 10s or 1m'],
    [AGENT.replace('agent-1', '".."'), 'expected an id'],
  ])('%j', (text, words) => {
    expect(refusal(text)).toContain(words)
  })

  test('a secret in the file, with the reason; it is not repeated', () => {
    const said = refusal('kafka:\n  sasl:\n    mechanism: PLAIN\n    password: hunter2\n')
    expect(said).toContain('x.yaml:4:5: kafka.sasl.password: ')
    expect(said).toContain('put it into a file of its own')
    expect(said).not.toContain('hunter2')
  })

  test('several mistakes at once, one line each', () => {
    expect(refusal('prefix: a b\ngroup: 7\n').split('\n')).toHaveLength(2)
  })
})

test('whatever is written, it is taken or refused with words', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      try {
        parse(text)
      } catch (error) {
        expect(error).toBeInstanceOf(HsError)
      }
    }),
  )
})

test('a file that is not there, too large or no text', () => {
  const folder = mkdtempSync(join(tmpdir(), 'healstream-file-'))
  const file = join(folder, 'a.yaml')
  try {
    expect(() => readSettingsFile(file)).toThrow(/a[.]yaml cannot be read: ENOENT/)
    writeFileSync(file, Uint8Array.of(0xff, 0xfe))
    expect(() => readSettingsFile(file)).toThrow('is not a text in UTF-8')
    writeFileSync(file, '#'.repeat(300_000))
    expect(() => readSettingsFile(file)).toThrow('has 300000 bytes')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
