// What each guard answers, word by word, on both sides of its limit: people read these sentences in
// the record of every decision, and a refusal is told once per cause.
import { expect, test } from 'vitest'
import { askGuards, GUARDS, type GuardInput } from '../../../src/core/decision/guards.ts'
import { approval, CARE, care, CAUSE, PASSING, VERDICT } from './guard-world.ts'

const { group } = PASSING
const pulse = { as_of_ms: 997_000, reporters_expected: 4, reporters_seen: 1, blind: false }
const late = { selfEvident: false, onsetMs: 997_500 }
const mute = { ...late, care: { ...CARE, unheardMs: 30_000, doubt: { factor: 4, why: [] } } }

const OF_CARE = ['freeze', 'zone', 'storm', 'common_cause', 'heal_share', 'approval']

const SAID: readonly (readonly [string, Partial<GuardInput>, string])[] = [
  ['mode', {}, 'passes: enforce; limit enforce, or canary on the first instance'],
  [
    'mode',
    { mode: 'canary' },
    'refuses: canary, not the first instance; limit enforce, or canary on the first instance',
  ],
  [
    'mode',
    { mode: 'canary', isFirst: true },
    'passes: canary; limit enforce, or canary on the first instance',
  ],
  [
    'mode',
    { mode: 'observe', isFirst: true },
    'refuses: observe; limit enforce, or canary on the first instance',
  ],
  ['behind', {}, 'passes: caught up; limit caught up'],
  ['behind', { behind: true }, 'refuses: behind the log; limit caught up'],
  ['blind', {}, 'passes: sources heard; limit heard'],
  ['blind', { blind: true }, 'refuses: all sources silent; limit heard'],
  ['agent', {}, 'passes: heard; limit an agent that is heard; cause heard'],
  ['agent', { agent: 'silent' }, 'refuses: silent; limit an agent that is heard; cause silent'],
  ['evidence', {}, 'passes: stands; limit evidence that stands'],
  [
    'evidence',
    { easing: true },
    'refuses: no deviation any more, health is easing; limit evidence that stands',
  ],
  ['hold', {}, 'passes: none; limit none'],
  ['settle', {}, 'passes: self-evident; limit 1.5 s'],
  ['settle', late, 'passes: stands for 2.5 s; limit 1.5 s'],
  [
    'settle',
    { ...late, care: { ...CARE, doubt: { factor: 2, why: ['reading is late', 'a stall'] } } },
    'refuses: stands for 2.5 s; limit 3 s, 2 times as long: reading is late, a stall; ' +
      'until 1000500',
  ],
  ['settle', { ...late, care: null }, 'passes: stands for 2.5 s; limit 1.5 s'],
  ['settle', mute, 'refuses: stands for 2.5 s; limit 30 s of nothing but silence; until 1027500'],
  ['warm_up', {}, 'passes: has been well; limit 2 min'],
  [
    'warm_up',
    { wasWell: false },
    'refuses: registered 1 s ago, not well yet; limit 2 min; until 1119000',
  ],
  [
    'warm_up',
    { wasWell: false, registeredAtMs: 880_000 },
    'passes: registered 2 min ago, not well yet; limit 2 min',
  ],
  ['flapping', {}, 'passes: 3 changes; limit fewer than 4 in 10 min'],
  ['flapping', { transitions: 9 }, 'refuses: 9 changes; limit fewer than 4 in 10 min'],
  ['last_routable', {}, 'passes: 2 others of 3; limit at least 1 other'],
  [
    'last_routable',
    { group: { ...group, routableOthers: 1 } },
    'passes: 1 others of 3; limit at least 1 other',
  ],
  [
    'last_routable',
    { group: { ...group, targetRoutable: false, routableOthers: 0 } },
    'passes: 0 others of 3; the target takes no traffic; limit at least 1 other',
  ],
  ['routable_share', {}, 'passes: 66.7 % left of 3; limit 51 % from 4 instances on'],
  [
    'routable_share',
    { group: { ...group, n: 0 } },
    'passes: 0 % left of 0; limit 51 % from 4 instances on',
  ],
  [
    'routable_share',
    { group: { ...group, n: 10, routableOthers: 7 } },
    'passes: 70 % left of 10; limit 51 % from 4 instances on',
  ],
  [
    'routable_share',
    { group: { ...group, n: 10, routableOthers: 6 } },
    'passes: 60 % left of 10; limit 51 % from 4 instances on',
  ],
  [
    'routable_share',
    { group: { ...group, n: 2, routableOthers: 0 } },
    'passes: 0 % left of 2; limit 51 % from 4 instances on',
  ],
  [
    'routable_share',
    { group: { ...group, n: 4, routableOthers: 0 } },
    'refuses: 0 % left of 4; limit 51 % from 4 instances on',
  ],
  [
    'routable_share',
    { group: { ...group, n: 3, routableOthers: 0 } },
    'passes: 0 % left of 3; limit 51 % from 4 instances on',
  ],
  [
    'routable_share',
    { group: { ...group, n: 5, routableOthers: 1 } },
    'refuses: 20 % left of 5; limit 51 % from 4 instances on',
  ],
  ['out_share', {}, 'passes: 0 of 3 out already; limit at most 1 out'],
  [
    'out_share',
    { group: { ...group, outByHand: 1 } },
    'refuses: 1 of 3 out already; limit at most 1 out',
  ],
  ['cooldown', {}, 'passes: never acted; limit cool-down over'],
  ['cooldown', { coolUntilMs: 1_000_000 }, 'passes: over; limit cool-down over; cause 1000000'],
  [
    'cooldown',
    { coolUntilMs: 1_060_000 },
    'refuses: 1 min left; limit cool-down over; until 1060000; cause 1060000',
  ],
  ['service_interval', {}, 'passes: never acted; limit one per 1 min'],
  [
    'service_interval',
    { serviceLastMs: 970_000 },
    'refuses: last 30 s ago; limit one per 1 min; until 1030000; cause 970000',
  ],
  [
    'service_interval',
    { serviceLastMs: 940_000 },
    'passes: last 1 min ago; limit one per 1 min; cause 940000',
  ],
  ['rate', {}, 'passes: 0 in the last minute; limit 6 per minute'],
  [
    'rate',
    { recentMs: [950_000, 960_000, 970_000, 980_000, 990_000, 995_000, 999_000] },
    'refuses: 7 in the last minute; limit 6 per minute; until 1020000',
  ],
  ['ineffective', {}, 'passes: 0 attempts without effect; limit fewer than 3 in 4 h'],
  [
    'ineffective',
    { ineffectiveMs: [1, 2, 3] },
    'refuses: 3 attempts without effect; limit fewer than 3 in 4 h',
  ],
  ['open_command', {}, 'passes: none; limit none under way'],
  ['open_command', { openCommand: 'c1' }, 'refuses: c1; limit none under way'],
  [
    'pulse',
    {},
    'passes: as of 0 s ago; limit a pulse of the fleet task, 1.5 s after the onset or ' +
      'later; cause early',
  ],
  ['pulse', { fleet: null }, 'not asked'],
  [
    'pulse',
    { fleet: { pulse: null, tokens: 1 } },
    'passes: self-evident; limit a pulse of the fleet task, 1.5 s after the onset or later',
  ],
  [
    'pulse',
    { fleet: { pulse, tokens: 1 } },
    'passes: as of 3 s ago; limit a pulse of the fleet task, 1.5 s after the onset or ' +
      'later; cause early',
  ],
  [
    'pulse',
    { ...late, fleet: { pulse, tokens: 1 } },
    'refuses: as of 3 s ago; limit a pulse of the fleet task, 1.5 s after the onset or ' +
      'later; cause early',
  ],
  [
    'pulse',
    { ...late, fleet: { pulse: null, tokens: 1 } },
    'refuses: none yet; does the fleet task run? see healstream tasks; limit a pulse of ' +
      'the fleet task, 1.5 s after the onset or later; cause none',
  ],
  [
    'pulse',
    { ...late, fleet: { pulse: { ...pulse, as_of_ms: 994_999 }, tokens: 1 } },
    'refuses: the last one as of 5 s ago; does the fleet task run? see healstream tasks; ' +
      'limit a pulse of the fleet task, 1.5 s after the onset or later; cause stale',
  ],
  [
    'pulse',
    { ...late, fleet: { pulse: { ...pulse, as_of_ms: 995_000 }, tokens: 1 } },
    'refuses: as of 5 s ago; limit a pulse of the fleet task, 1.5 s after the onset or ' +
      'later; cause early',
  ],
  [
    'pulse',
    { fleet: { pulse: { ...pulse, blind: true }, tokens: 1 } },
    'refuses: the fleet is blind: 3 of 4 agents are missing; limit enough agents heard; ' +
      'cause blind',
  ],
  [
    'pulse',
    { ...late, fleet: { pulse: { ...pulse, as_of_ms: 999_000 }, tokens: 1 } },
    'passes: as of 1 s ago; limit a pulse of the fleet task, 1.5 s after the onset or ' +
      'later; cause early',
  ],
  ['budget', {}, 'passes: 1 in hand; limit 1 token of the fleet'],
  [
    'budget',
    { fleet: { pulse, tokens: 0 } },
    'refuses: none in hand, one is asked for; limit 1 token of the fleet',
  ],
  [
    'budget',
    { fleet: { pulse: null, tokens: 0 } },
    'refuses: none in hand, and the fleet task, who gives them, is not heard; see ' +
      'healstream tasks; limit 1 token of the fleet; cause unheard',
  ],
  [
    'budget',
    { fleet: { pulse: { ...pulse, as_of_ms: 985_000 }, tokens: 0 } },
    'refuses: none in hand, one is asked for; limit 1 token of the fleet',
  ],
  [
    'budget',
    { fleet: { pulse: { ...pulse, as_of_ms: 984_999 }, tokens: 0 } },
    'refuses: none in hand, and the fleet task, who gives them, is not heard; see ' +
      'healstream tasks; limit 1 token of the fleet; cause unheard',
  ],
  ['freeze', {}, 'passes: no freeze window; limit none'],
  [
    'freeze',
    care({ frozen: { text: 'sat', untilMs: 1_060_000 } }),
    'refuses: sat; limit none; until 1060000',
  ],
  [
    'zone',
    {},
    'passes: 1 of 4 sick in zone a; limit one zone at a time, under 55 % sick from 3 on',
  ],
  [
    'zone',
    care({ zone: { name: null, count: { n: 0, sick: 0 }, others: [] } }),
    'passes: registered without a zone; limit one zone at a time, under 55 % sick from 3 on',
  ],
  [
    'zone',
    care({ zone: { name: 'a', count: { n: 6, sick: 3 }, others: [] } }),
    'passes: 3 of 6 sick in zone a; limit one zone at a time, under 55 % sick from 3 on',
  ],
  [
    'zone',
    care({ zone: { name: 'a', count: { n: 7, sick: 3 }, others: [] } }),
    'passes: 3 of 7 sick in zone a; limit one zone at a time, under 55 % sick from 3 on',
  ],
  [
    'zone',
    care({ zone: { name: 'a', count: { n: 2, sick: 2 }, others: [] } }),
    'passes: 2 of 2 sick in zone a; limit one zone at a time, under 55 % sick from 3 on',
  ],
  [
    'zone',
    care({ zone: { ...CARE.zone, others: ['b', 'c'] } }),
    'refuses: at work in zone b; limit one zone at a time, under 55 % sick from 3 on; ' +
      'cause other b',
  ],
  [
    'zone',
    care({ fleetCause: { ...VERDICT, what: 'common_cause', attribute: 'zone' } }),
    'refuses: 6 of 9 sick in zone a of the fleet; limit one zone at a time, under 55 % ' +
      'sick from 3 on; cause zone:a',
  ],
  ['storm', {}, 'passes: 3 of 4 healthy; limit 51 % healthy from 4 on, for 2 min'],
  [
    'storm',
    care({ storm: { sinceMs: 970_000, seen: true, untilMs: null } }),
    'refuses: 3 of 4 healthy, a storm since 30 s; limit 51 % healthy from 4 on, for 2 ' +
      'min; cause 970000',
  ],
  [
    'storm',
    care({ fleetStorm: { ...VERDICT, what: 'storm' } }),
    'refuses: 3 of 9 healthy in the fleet; limit 51 % healthy from 4 on, for 2 min; cause zone:a',
  ],
  ['common_cause', {}, 'passes: fell sick alone; limit at most 20 % within 30 s from 5 on'],
  [
    'common_cause',
    care({ cause: { ...CAUSE, untilMs: 1_000_500 } }),
    'refuses: 3 of 9 of the service fell sick together, sharing version 2.1; limit at ' +
      'most 20 % within 30 s from 5 on; until 1000500; cause the service 990000',
  ],
  [
    'common_cause',
    care({ cause: { ...CAUSE, evident: false, untilMs: null } }),
    'passes: seen to be sick, others are only silent or late; limit at most 20 % within ' +
      '30 s from 5 on',
  ],
  [
    'common_cause',
    {
      selfEvident: false,
      onsetMs: 990_000,
      ...care({
        cause: { ...CAUSE, evident: false, named: { shared: 'service', value: '' }, untilMs: null },
      }),
    },
    'refuses: 3 of 9 of the service fell sick together; limit at most 20 % within 30 s ' +
      'from 5 on; cause the service 990000',
  ],
  [
    'common_cause',
    care({ fleetCause: { ...VERDICT, what: 'common_cause', attribute: 'zone' } }),
    'passes: fell sick alone; limit at most 20 % within 30 s from 5 on',
  ],
  [
    'common_cause',
    care({ fleetCause: { ...VERDICT, what: 'common_cause', attribute: 'version', value: '2.1' } }),
    'refuses: 6 of 9 instances of version 2.1 in the fleet; limit at most 20 % within 30 ' +
      's from 5 on; cause zone:a',
  ],
  [
    'common_cause',
    care({ fleetCause: { ...VERDICT, what: 'common_cause' } }),
    'refuses: 6 of 9 instances of services that fell sick together in the fleet; limit ' +
      'at most 20 % within 30 s from 5 on; cause zone:a',
  ],
  ['heal_share', {}, 'passes: 0 of 3 in our hand; limit at most 1 at a time'],
  [
    'heal_share',
    { group: { ...group, outByHand: 1 } },
    'refuses: 1 of 3 in our hand; limit at most 1 at a time',
  ],
  ['approval', {}, 'passes: none needed; limit none needed'],
  [
    'approval',
    care({ approval: { ...approval, needed: 1, by: [], proposer: null } }),
    'refuses: nobody approves yet; missing: a person; limit 1 approval',
  ],
  [
    'approval',
    care({ approval: { ...approval, needed: 1 } }),
    'passes: approved by ann; limit 1 approval',
  ],
  [
    'approval',
    care({ approval }),
    'refuses: approved by ann; missing: a person other than ann and bob, who proposes ' +
      'it; limit 2 approvals; cause ann',
  ],
  [
    'approval',
    care({ approval: { ...approval, needed: 3, by: [] } }),
    'refuses: nobody approves yet; missing: 3 persons other than bob, who proposes it; ' +
      'limit 3 approvals',
  ],
  [
    'approval',
    care({ approval: { ...approval, deniedBy: 'eve' } }),
    'refuses: denied by eve; limit not denied; until 1900000; cause denied eve',
  ],
  [
    'approval',
    care({ approval: { ...approval, by: ['ann', 'eve'] } }),
    'passes: approved by ann and eve; limit 2 approvals',
  ],
]

/** `passes: value; limit …`, and until when and of which cause where that is said. */
function said(guard: string, some: Partial<GuardInput>): string {
  const one = askGuards({ ...PASSING, ...some }).find((asked) => asked.guard === guard)
  if (one === undefined) return 'not asked'
  const until = one.until_ms === null ? '' : `; until ${one.until_ms}`
  const cause = one.cause === '' ? '' : `; cause ${one.cause}`
  return `${one.passed ? 'passes' : 'refuses'}: ${one.value}; limit ${one.limit}${until}${cause}`
}

test.each(SAID)('%s, %j', (guard, some, words) => {
  expect(said(guard, some)).toBe(words)
})

test('one of behaviour 3 refuses nothing where an older one asks it', () => {
  for (const [name, ask] of GUARDS) {
    if (!OF_CARE.includes(name)) continue
    expect(ask({ ...PASSING, care: null })).toEqual({
      passed: true,
      value: 'not asked',
      limit: 'none',
    })
  }
})

test('which guards an older behaviour does not ask', () => {
  const names = (some: Partial<GuardInput>): readonly string[] =>
    askGuards({ ...PASSING, ...some }).map(({ guard }) => guard)
  const all = GUARDS.map(([name]) => name)
  expect(names({ care: null })).toEqual(all.filter((name) => !OF_CARE.includes(name)))
  expect(names({ fleet: null })).toEqual(
    all.filter((name) => name !== 'pulse' && name !== 'budget'),
  )
})
