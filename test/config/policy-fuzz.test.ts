// Whatever a person or a program writes into a file of policies: reading never throws, never
// stalls, and everything it says has a place, what was found and what is expected (S0-41).
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatFinding, readPolicies } from '../../src/config/policy-file.ts'

/** In CI a small form; 100,000 with HEALSTREAM_TEST_RUNS=100000. */
const RUNS = Number(process.env['HEALSTREAM_TEST_RUNS'] ?? '') || 300
const STALL_MS = 2_000

const GOOD = `apiVersion: healstream.io/v1
kind: HealPolicy
metadata: { name: p }
spec:
  match: { services: ['*'] }
  trigger:
    all:
      - when: link == "offline" && !("silence" in detectors)
      - when: service_name.matches("^a+$") || metrics["x"] / n > 0.5
    within: 30s
  modes: { shop: canary }
  action: restart_instance
`
const FIELDS =
  'apiVersion: kind: HealPolicy GuardSet metadata: name: spec: match: services: trigger: all: ' +
  'any: within: when: action: for: 5m mode: enforce canaryShare: 0.1 evaluationMode: window'
const SIGNS =
  '- ? : , [ ] { } & * ! | > % @ # " \' \\ --- ... null ~ 1e999 .inf 0x1 __proto__ constructor'
const words = fc.constantFrom(
  ...FIELDS.split(' '),
  ...SIGNS.split(' '),
  '\n',
  '\n  ',
  '\u0000',
  '\uFEFF',
  '𝒳',
)
/** A good file with a piece taken out, put in or repeated. */
const damaged = fc
  .tuple(fc.nat(GOOD.length), fc.nat(40), fc.oneof(words, fc.string({ unit: 'binary' })), fc.nat(3))
  .map(([at, length, piece, times]) => {
    return GOOD.slice(0, at) + piece.repeat(times) + GOOD.slice(at + length)
  })
const texts = fc.oneof(
  damaged,
  fc.array(words, { maxLength: 40 }).map((parts) => parts.join(' ')),
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.json(),
  fc.uint8Array({ maxLength: 200 }),
)

test('no input crashes or stalls the reader, and everything it says has its place', () => {
  let slowestMs = 0
  let said = 0
  fc.assert(
    fc.property(texts, (text) => {
      const started = performance.now()
      const { policies, findings } = readPolicies(text, 'p.yaml')
      slowestMs = Math.max(slowestMs, performance.now() - started)
      said += findings.length
      if (policies.length === 0) expect(findings.length).toBeGreaterThan(0)
      for (const finding of findings) {
        expect(Math.min(finding.line, finding.column)).toBeGreaterThanOrEqual(1)
        expect(Math.min(finding.found.length, finding.expected.length)).toBeGreaterThan(0)
        expect(finding.hint === null || finding.hint.length > 0).toBe(true)
        expect(formatFinding(finding)).toMatch(/^p\.yaml:\d+:\d+: (?:error|warning): /)
      }
    }),
    { numRuns: RUNS },
  )
  expect(said).toBeGreaterThan(RUNS / 4)
  expect(slowestMs).toBeLessThan(STALL_MS)
}, 3_600_000)
