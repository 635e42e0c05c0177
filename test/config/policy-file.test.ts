// Policy files: what is read, and what a person is told about what cannot be.
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { ACTION_NAMES } from '../../src/contracts/action.ts'
import { planOfAction } from '../../src/contracts/plan.ts'
import {
  formatFinding,
  lintPolicies,
  POLICY_FILE_BYTES_MAX,
  policyRecord,
  readPolicies,
} from '../../src/config/policy-file.ts'

const GOOD = `# keeps shop alive
apiVersion: healstream.io/v1
kind: HealPolicy
metadata:
  name: restart-sick
  labels: { team: shop }
spec:
  match:
    services: [shop, stock]
  mode: enforce
  trigger: health == "unhealthy" && (n >= 20 || probe == "down")
  for: 1.5s
  action: restart_instance
  cooldown: 5m
---
apiVersion: healstream.io/v1
kind: GuardSet
metadata: { name: loose }
spec:
  match: { services: ['*'] }
  serviceIntervalMs: 10s
  perMinute: 12
---
apiVersion: healstream.io/v1
kind: DetectorSet
metadata: { name: slow-is-fine }
spec:
  match: { services: [stock] }
  latencyP99MaxUs: 2s
  latencyP99RecoveredUs: 1500000
`

const lines = (text: string): string[] => lintPolicies(text, 'p.yaml').map(formatFinding)
const policy = (spec: string, head: string = 'metadata: { name: a }'): string =>
  `apiVersion: healstream.io/v1\nkind: HealPolicy\n${head}\nspec:\n${spec}\n`

describe('reading', () => {
  test('several documents of all kinds, without anything to say', () => {
    const { policies, findings } = readPolicies(GOOD, 'p.yaml')
    expect(findings).toEqual([])
    expect(policies.map(({ document }) => document)).toEqual([
      {
        kind: 'HealPolicy',
        name: 'restart-sick',
        labels: { team: 'shop' },
        services: ['shop', 'stock'],
        mode: 'enforce',
        modes: {},
        canaryShare: null,
        trigger: 'health == "unhealthy" && (n >= 20 || probe == "down")',
        composite: null,
        evaluationMode: 'sustained',
        forMs: 1_500,
        action: 'restart_instance',
        plan: planOfAction({ action: 'restart_instance', args: {} }),
        cooldownMs: 300_000,
        expiryMs: null,
        verifyMs: null,
        approvals: null,
      },
      {
        kind: 'GuardSet',
        name: 'loose',
        labels: {},
        services: ['*'],
        limits: { serviceIntervalMs: 10_000, perMinute: 12 },
      },
      {
        kind: 'DetectorSet',
        name: 'slow-is-fine',
        labels: {},
        services: ['stock'],
        detectors: {},
        limits: { latencyP99MaxUs: 2_000_000, latencyP99RecoveredUs: 1_500_000 },
      },
    ])
  })

  test('what there is to say comes in the order of its places', () => {
    const text = policy('  match: { service: [a] }\n  mode: go\n  triger: n > 1\n  action: x')
    const places = lintPolicies(text, 'p.yaml').map(({ line }) => line)
    expect(places.length).toBeGreaterThan(3)
    expect(places).toEqual([...places].sort((a, b) => a - b))
  })

  test('the JSON of S0-41 loads unchanged: sustained for 5 min, restart, cool-down 10 min', () => {
    const json =
      '{"trigger":"error_rate > ' +
      '0.5","evaluation_window":"5m","action":"restart_service","cooldown_period":"10m"' +
      '}'
    const { policies, findings } = readPolicies(json, 'dir/high-errors.json')
    expect(policies[0]?.document).toMatchObject({
      kind: 'HealPolicy',
      name: 'high-errors',
      services: ['*'],
      mode: 'observe',
      trigger: 'error_rate > 0.5',
      evaluationMode: 'sustained',
      forMs: 300_000,
      action: 'restart_instance',
      cooldownMs: 600_000,
    })
    expect(findings.map(({ severity, field }) => [severity, field])).toEqual([
      ['warning', 'name'],
      ['warning', 'trigger'],
    ])
  })

  test('JSON with tabs and a YAML text of the same value give the same canonical document', () => {
    const json =
      '{\n\t"trigger": "self_evident",\n\t"action": "restart_instance",\n\t"name": "a"\n}'
    const yaml = 'name: a\naction: restart_instance\ntrigger: self_evident\n'
    const [a, b] = [
      readPolicies(json, 'a.json').policies[0],
      readPolicies(yaml, 'b.yaml').policies[0],
    ]
    expect(a?.canonical).toBe('{"action":"restart_instance","name":"a","trigger":"self_evident"}')
    expect(b).toEqual(a)
    expect(a?.sha256).toBe(
      createHash('sha256')
        .update(a?.canonical ?? '')
        .digest('hex'),
    )
  })

  test('the record carries the canonical document and its hash', () => {
    const loaded = readPolicies(GOOD, 'p.yaml').policies[1]
    if (loaded === undefined) throw new Error('not read')
    const applied = { version: 3, author: 'ann', atMs: 5, comment: null }
    expect(policyRecord(loaded, applied)).toEqual({
      name: 'loose',
      kind: 'GuardSet',
      version: 3,
      deleted: false,
      document: loaded.canonical,
      sha256: loaded.sha256,
      author: 'ann',
      at_ms: 5,
      comment: null,
    })
  })
})

describe('errors name place, what was found, what is expected', () => {
  test.each([
    [
      'unknown key',
      policy('  triger: n > 1\n  action: restart_instance'),
      [
        'p.yaml:5:3: error: spec.trigger: found nothing, expected a condition in CEL, or ' +
          '{all: [{when: …}, …], within: 30s}',
        'p.yaml:5:3: error: spec.triger: found "triger", expected one of match, mode, ' +
          'modes, canaryShare, trigger, for, evaluationWindow, evaluationMode, ' +
          'action, args, ladder, cooldown, expiry, verify, approvals; ' +
          'did you mean "trigger"?',
      ],
    ],
    [
      'unknown action',
      policy('  trigger: self_evident\n  action: restart_instanse'),
      [
        'p.yaml:6:11: error: spec.action: found "restart_instanse", expected one of ' +
          `${ACTION_NAMES.join(', ')}, restart_service; ` +
          'did you mean "restart_instance"?',
      ],
    ],
    [
      'unknown mode and a number for a duration',
      policy('  trigger: self_evident\n  action: restart_instance\n  mode: dryrun\n  cooldown: 5'),
      [
        'p.yaml:7:9: error: spec.mode: found "dryrun", expected one of observe, dry_run, ' +
          'canary, enforce; did you mean "dry_run"?',
        'p.yaml:8:13: error: spec.cooldown: found 5, expected a duration such as 5m, 90s or 250ms',
      ],
    ],
    [
      'not a duration',
      policy('  trigger: self_evident\n  action: restart_instance\n  for: 5 minutes'),
      [
        'p.yaml:7:8: error: spec.for: found "5 minutes", expected a duration such as 5m, ' +
          '90s or 250ms',
      ],
    ],
    [
      'a window that is not kept',
      policy(
        '  trigger: self_evident\n  action: restart_instance\n  evaluationMode: window\n ' +
          ' evaluationWindow: 2m',
      ),
      [
        'p.yaml:8:21: error: spec.evaluationWindow: found "2m", expected a window of ' +
          '10s, 60s or 5m: no other is kept, use evaluationMode sustained for them',
      ],
    ],
    [
      'no name',
      policy('  trigger: self_evident\n  action: restart_instance', 'metadata: {}'),
      ['p.yaml:3:11: error: metadata.name: found nothing, expected a text'],
    ],
    [
      'unknown kind',
      'apiVersion: healstream.io/v1\nkind: HealPolcy\n',
      [
        'p.yaml:2:7: error: kind: found "HealPolcy", expected one of HealPolicy, ' +
          'DetectorSet, GuardSet, AlertPolicy; did you mean "HealPolicy"?',
      ],
    ],
    [
      'swapped limits',
      'apiVersion: healstream.io/v1\nkind: DetectorSet\nmetadata: { name: d }\nspec: { ' +
        'match: { services: [a] }, successRateMin: 0.99 }\n',
      [
        'p.yaml:4:7: error: spec.successRateRecovered: found nothing, expected at least ' +
          'successRateMin, the defaults counted in',
      ],
    ],
    [
      'duplicate key',
      'kind: HealPolicy\nkind: GuardSet\n',
      ['p.yaml:2:1: error: found Map keys must be unique, expected plain YAML 1.2 or JSON'],
    ],
    [
      'two documents of a name',
      [
        policy('  trigger: self_evident\n  match: { services: [a] }\n  action: restart_instance'),
        policy('  trigger: self_evident\n  action: restart_instance'),
      ].join('---\n'),
      ['p.yaml:11:19: error: metadata.name: found "a", expected one document of a kind and name'],
    ],
    [
      'nothing',
      '',
      ['p.yaml:1:1: error: found no document, expected at least one policy document'],
    ],
    [
      'only a comment',
      '# later\n---\n',
      ['p.yaml:1:1: error: found no document, expected at least one policy document'],
    ],
    ['a list', '- 1\n', ['p.yaml:1:1: error: found [1], expected an object with named fields']],
  ])('%s', (_what, text, expected) => {
    expect(lines(text)).toEqual(expected)
  })

  test('a wrong trigger is pointed at inside its text: plain, quoted, in a block', () => {
    const rest = '\n  match: { services: [a] }\n  action: restart_instance'
    const where = (trigger: string): string[] =>
      lintPolicies(policy(`  trigger: ${trigger}${rest}`), 'p.yaml').map(
        ({ line, column, hint }) => `${line}:${column} ${hint}`,
      )
    const hint = 'did you mean "error_rate"?'
    expect(where('n > 5 && eror_rate > 0.5')).toEqual([`5:21 ${hint}`])
    expect(where("'n > 5 && eror_rate > 0.5'")).toEqual([`5:22 ${hint}`])
    expect(where('|\n    n > 5 &&\n    eror_rate > 0.5')).toEqual([`7:5 ${hint}`])
    expect(where('>\n    n > 5 &&\n    eror_rate > 0.5')).toEqual([`5:12 ${hint}`])
    expect(where('"n > 5 \\u0026& eror_rate > 0.5"')).toEqual([`5:12 ${hint}`])
  })
})

describe('hostile files', () => {
  test('tabs, tags, aliases', () => {
    expect(lines('spec:\n\tmode: enforce\n')[0]).toMatch(/^p\.yaml:2:1: error: found Tabs/)
    expect(lines('trigger: !!js/function "x"\n')[0]).toMatch(/^p\.yaml:1:10: error: found Unres/)
    const bomb = `a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: [*c,*c]\n`
    expect(lines(bomb)).toEqual([
      'p.yaml:2:8: error: found an alias of an anchor, expected every value written out',
    ])
  })

  test('too large, not UTF-8, too deep: one sentence each', () => {
    const big = 'x'.repeat(POLICY_FILE_BYTES_MAX + 1)
    expect(lines(big)).toEqual(['p.yaml:1:1: error: found 262145 bytes, expected at most 262144'])
    const bytes = lintPolicies(new Uint8Array([0x6e, 0xff, 0xfe]), 'p.yaml').map(formatFinding)
    expect(bytes).toEqual([
      'p.yaml:1:1: error: found bytes that are not UTF-8, expected a text in UTF-8',
    ])
    expect(lines('['.repeat(100_000)).length).toBeGreaterThan(0)
    expect(lines('a: {'.repeat(20_000)).length).toBeGreaterThan(0)
    expect(lines('---\n'.repeat(300) + 'a: 1\n---\n'.repeat(300)).length).toBe(1)
  })

  test('keys of the language are unknown keys', () => {
    expect(
      lines('{"__proto__": {"x": 1}, "trigger": "n > 1", "action": "restart_instance"}')[0],
    ).toMatch(/__proto__: found "__proto__", expected one of/)
  })

  test('values that JSON cannot say', () => {
    expect(lines('trigger: .nan\n')[0]).toContain('NaN is not a JSON number')
  })
})

describe('advice', () => {
  const warn = (spec: string): string[] =>
    lintPolicies(
      policy(`  match: { services: [a] }\n  action: restart_instance\n${spec}`),
      'p.yaml',
    )
      .filter(({ severity }) => severity === 'warning')
      .map(({ field, found, hint }) => `${field}: ${found}; ${hint}`)

  test.each([
    ['  trigger: error_rate > 1 && n > 5', /can never be true.*between 0 and 1/],
    ['  trigger: n >= 0 && self_evident', /always true/],
    ['  trigger: n > 5 && error_rate > 0.5 && error_rate < 0.3', /never be true together/],
    ['  trigger: health == "unhealhty"', /can never be true.*unknown, healthy/],
    ['  trigger: n < 5', /without a single request/],
    ['  trigger: error_rate > 0.5', /even over a single request/],
    ['  trigger: service_error_rate > 0.5', /service_n >= 20/],
    ['  trigger: self_evident && n > 1 / 2', /whole numbers are divided/],
    ['  trigger: self_evident\n  cooldown: 5s', /cool-down of 5 s/],
    ['  trigger: self_evident\n  mode: canary', /canary without a GuardSet/],
  ])('%s', (spec, expected) => {
    expect(warn(spec)).toEqual([expect.stringMatching(expected)])
  })

  test('nothing to say about a plain trigger on findings', () => {
    expect(warn('  trigger: self_evident')).toEqual([])
  })

  test('empty selectors select nothing', () => {
    const text = policy('  trigger: self_evident\n  action: restart_instance')
    expect(lines(text)).toEqual([
      'p.yaml:5:3: warning: spec.match: found no service, expected whom it is for; ' +
        'name services, or * for all of them',
    ])
  })
})
