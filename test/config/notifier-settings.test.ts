// The section `notifier`: what may be said of each kind of sink, and that every name is known.
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { notifierSchema } from '../../src/config/notifier-settings.ts'
import { parseSettings, readSettingsFile } from '../../src/config/settings-file.ts'

const problems = (value: unknown): readonly string[] => {
  const parsed = notifierSchema.safeParse(value)
  if (parsed.success) return []
  return parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
}

const sinks = [{ name: 'pager', kind: 'webhook', url: 'https://pager.example/v2' }]

describe('what is refused', () => {
  test.each([
    ['an unknown name in a route', { sinks, routes: { page: ['pagr'] } }, 'routes.page.0: one of'],
    ['the same name twice', { sinks: [...sinks, ...sinks], routes: {} }, 'sinks.1.name: a name no'],
    [
      'a webhook without an address',
      { sinks: [{ name: 'a', kind: 'webhook' }], routes: {} },
      'url',
    ],
    [
      'a file with an address',
      { sinks: [{ name: 'a', kind: 'file', path: '/x', url: 'http://x' }], routes: {} },
      'sinks.0.url: nothing here',
    ],
    [
      'a password in an address',
      { sinks: [{ name: 'a', kind: 'webhook', url: 'http://u:p@x/' }], routes: {} },
      'without user and password',
    ],
    [
      'another scheme',
      { sinks: [{ name: 'a', kind: 'webhook', url: 'file:///etc/passwd' }], routes: {} },
      'an http or https URL',
    ],
    [
      'outcomes for an Alertmanager',
      {
        sinks: [{ name: 'am', kind: 'alertmanager', url: 'http://x' }],
        routes: {},
        outcomes: ['am'],
      },
      'outcomes.0: no Alertmanager',
    ],
  ])('%s', (_what, value, said) => {
    const found = problems(value)
    expect(found.length).toBeGreaterThan(0)
    expect(found.join('\n')).toContain(said)
  })
})

test('durations are milliseconds, paths stand beside the file', () => {
  const text = `
notifier:
  sinks:
    - {name: cmdb, kind: file, path: cmdb.jsonl}
    - {name: pager, kind: webhook, url: 'https://p.example', tokenFile: t, groupWait: 15m}
  routes: {page: [pager]}
  outcomes: [cmdb]
  lookback: 2h
`
  const { settings } = parseSettings(text, '/etc/hs/notifier.yaml')
  expect(settings.notifier).toEqual({
    sinks: [
      { name: 'cmdb', kind: 'file', path: '/etc/hs/cmdb.jsonl' },
      {
        name: 'pager',
        kind: 'webhook',
        url: 'https://p.example',
        tokenFile: '/etc/hs/t',
        groupWait: 900_000,
      },
    ],
    routes: { page: ['pager'] },
    outcomes: ['cmdb'],
    lookback: 7_200_000,
  })
})

test('a secret in the file is refused with the way to give it', () => {
  const sink = "{name: a, kind: webhook, url: 'http://x', token: abc}"
  const text = `notifier: {sinks: [${sink}], routes: {}}`
  expect(() => parseSettings(text, 'n.yaml')).toThrow(/put it into a file of its own/)
})

test('the example says what it means', () => {
  const path = join(import.meta.dirname, '../../examples/notifier.yaml')
  const { notifier } = readSettingsFile(path).settings
  expect(notifier?.sinks.map(({ name }) => name)).toEqual([
    'pager',
    'alertmanager',
    'digest',
    'cmdb',
  ])
})
