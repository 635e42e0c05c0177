// What cannot be said to every task is refused before any cluster is asked.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { healstream } from './command.ts'

const base = mkdtempSync(join(tmpdir(), 'healstream-words-'))
afterAll(() => rmSync(base, { recursive: true, force: true }))

test.each([
  [['hold', '--why', 'x'], 'it has to be said what is held'],
  [['hold', '--all', '--service', 'shop', '--why', 'x'], '--all goes with no other scope'],
  [['hold', '--all', '--for', 'soon', '--why', 'x'], '"soon" is not a duration'],
  [['approve', 'inc-1', '--why', ' '], 'it needs its reason'],
])('%j', async (args, sentence) => {
  const env = { XDG_RUNTIME_DIR: base, HOME: base }
  const { code, stderr } = await healstream(args, { env })
  expect([code, stderr]).toEqual([2, expect.stringContaining(sentence)])
})
