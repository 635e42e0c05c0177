// Journals of every released behaviour, recorded once and replayed for ever: a change of the
// program must give the same outputs and states where an old behaviour is in force. And the proof
// that this would find a change: words exchanged in judgement, one place at a time.
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { BEHAVIOUR_FIRST, BEHAVIOUR_LATEST } from '../../src/core/kernel/behaviour.ts'
import type { Edit } from '../mutation/mutants.ts'
import { type Replayed, replayHistory } from './replay.ts'

const FOLDER = new URL('./', import.meta.url)
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith('.json.gz'))
const pathOf = (name: string): string => fileURLToPath(new URL(name, FOLDER))

/** The newest behaviour that stands still; one after it is being made. */
const SETTLED = 2

test('every behaviour that stands still was recorded', () => {
  expect(BEHAVIOUR_LATEST - SETTLED).toBeLessThanOrEqual(1)
  const all = SETTLED - BEHAVIOUR_FIRST + 1
  const wanted = Array.from({ length: all }, (_, i) => `behaviour-${BEHAVIOUR_FIRST + i}.json.gz`)
  // A new one: node --import ./test/support/ts.mjs test/history/record.ts 2 240
  expect(FILES).toEqual(expect.arrayContaining(wanted))
})

test.each(FILES)(
  '%s replays as it was recorded',
  async (name) => {
    const tasks = await replayHistory(pathOf(name))
    expect(tasks.map(({ task, problem }) => [task, problem])).toEqual(
      tasks.map(({ task }) => [task, null]),
    )
    const sum = (of: (task: Replayed) => number): number => tasks.reduce((n, t) => n + of(t), 0)
    // Something happened there: many steps, much said, and several lives.
    expect([sum((t) => t.steps) > 300, sum((t) => t.outputs) > 300]).toEqual([true, true])
    expect(sum((t) => t.lives)).toBeGreaterThan(10)
  },
  60_000,
)

describe('a changed judgement is found', () => {
  const PLANTED: readonly Edit[] = [
    { file: 'src/contracts/limits.ts', from: 'dwellMs: 2_000,', to: 'dwellMs: 2_500,' },
    {
      file: 'src/core/decision/guards.ts',
      from: 'group.routableOthers >= 1',
      to: 'group.routableOthers >= 2',
    },
    {
      file: 'src/core/health/health.ts',
      from: "if (vital.probe?.verdict === 'up') return true",
      to: "if (vital.probe?.verdict !== 'down') return true",
    },
  ]

  async function replayedWith(edits: readonly Edit[]): Promise<readonly Replayed[]> {
    const loader = fileURLToPath(new URL('../mutation/register.mjs', FOLDER))
    const program = pathOf('replay.ts')
    const args = ['--import', loader, program, pathOf('behaviour-1.json.gz')]
    const env = { ...process.env, HEALSTREAM_TEST_EDITS: JSON.stringify(edits) }
    const { stdout } = await promisify(execFile)(process.execPath, args, { env })
    const replayed: readonly Replayed[] = JSON.parse(stdout)
    return replayed
  }

  test.each(PLANTED)(
    '$file: $from',
    async (edit) => {
      const problems = (await replayedWith([edit])).flatMap(({ problem }) => problem ?? [])
      expect(problems.length).toBeGreaterThan(0)
      for (const problem of problems) expect(problem).toMatch(/^HS_DIVERGED: entry at offset \d+/)
    },
    60_000,
  )

  test('and without one nothing is', async () => {
    const replayed = await replayedWith([])
    expect(replayed.map(({ problem }) => problem)).toEqual([null, null, null])
  }, 60_000)
})
