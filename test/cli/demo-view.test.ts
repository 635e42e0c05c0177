// What the demo shows: one line per record with the time since the fault, and a block that is drawn
// again in place on a terminal and nowhere else.
import { expect, test } from 'vitest'
import { endLines, LiveView, nextLines, recordLines } from '../../src/cli/demo-view.ts'
import type { Terminal } from '../../src/cli/terminal.ts'
import type { Broken } from '../../src/roles/demo/healing.ts'
import { aCommand, anEvent, aResult } from '../roles/projector/records.ts'

const plain = (_colour: string, text: string): string => text
const victim = { service: 'stock', instance: 'stock-2', pid: 100, port: 1, token: '' }
const broken: Broken = { log: 'memory', fault: 'crash', faultAt: 10_000, victim, text: '' }

function recording(interactive: boolean) {
  const written: string[] = []
  const terminal: Terminal = {
    out: (line) => void written.push(`${line}\n`),
    raw: (text) => void written.push(text),
    say: (line) => void written.push(`! ${line}\n`),
    paint: plain,
    interactive,
  }
  return { terminal, text: () => written.join('') }
}

test('on a terminal the block is taken away before a line and drawn again below it', () => {
  const { terminal, text } = recording(true)
  const view = new LiveView(terminal, false)
  view.below(['A', 'B'])
  view.line('first')
  view.below([])
  expect(text()).toBe('A\nB\n\u001B[2A\u001B[0Jfirst\nA\nB\n\u001B[2A\u001B[0J')
})

test('in a pipe there is no block and no escape; headless everything is talk', () => {
  const pipe = recording(false)
  const view = new LiveView(pipe.terminal, false)
  view.below(['A'])
  view.line('first')
  expect(pipe.text()).toBe('first\n')
  const talk = recording(true)
  const headless = new LiveView(talk.terminal, true)
  headless.below(['A'])
  headless.line('first')
  expect(talk.text()).toBe('! first\n')
})

test('records are told with the time since the fault, evidence and refusals', () => {
  const evidence = {
    detector: 'probe_down',
    class: 'self_evident' as const,
    since_ms: 10_000,
    value: 3,
    limit: 3,
    unit: 'failures',
    text: 'three probes failed',
    topic: null,
    partition: null,
    offset: null,
  }
  const guard = { guard: 'cooldown', passed: false, value: '4s', limit: '20s', until_ms: null }
  const said = { evidence: [evidence], guards: [guard], summary: 'it is \u0007sick' }
  const event = anEvent({ ...said, at_ms: 10_664 })
  const lines = recordLines({ kind: 'incident', appendMs: 10_670, event }, broken, plain)
  expect(lines).toEqual([
    '  +0.664 s  detected   it is \\u0007sick',
    '                       probe_down: three probes failed (3 against 3 failures)',
    '                       guard cooldown: 4s, limit 20s',
  ])
  const command = recordLines(
    { kind: 'command', appendMs: 10_665, command: aCommand() },
    broken,
    plain,
  )
  expect(command).toEqual([
    '  +0.665 s  command    restart stock-2 to agent-1 (policy restart-dead v1)',
  ])
  const result = aResult({ outcome: 'succeeded', facts: { pid_before: '1', pid_after: '2' } })
  expect(recordLines({ kind: 'result', appendMs: 11_000, result }, broken, plain)).toEqual([
    '  +1.000 s  result     succeeded, process 1 → 2',
  ])
})

test('the end is a timeline and what to type next', () => {
  const healing = {
    log: 'memory',
    fault: 'crash' as const,
    faultAt: 10_000,
    detectedAt: 10_008,
    commandAt: 10_028,
    actedAt: 10_222,
    recoveredAt: 12_281,
    commands: 1,
    oldPid: 1,
    newPid: 2,
  }
  const lines = endLines(healing, plain)
  expect(lines[1]).toBe('healed in 2.281 s by 1 command')
  expect(lines.slice(2, 7)).toEqual([
    '  fault      +0.000 s   crash',
    '  detected   +0.008 s',
    '  command    +0.028 s',
    '  acted      +0.222 s   process 1 → 2',
    '  recovered  +2.281 s',
  ])
  expect(nextLines('inc-1').join('\n')).toContain('npx healstream explain incident inc-1')
})
