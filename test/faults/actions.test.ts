// Commands for what had not happened are found, in a recording in which there are none.
import { expect, test } from 'vitest'
import { Collected } from '../nemesis/checker/collect.ts'
import { record } from '../nemesis/recorded.ts'
import { actionsOf } from './actions.ts'

test('planted: nobody has said that it exited', async () => {
  const { logs } = await record()
  const clean = actionsOf(new Collected(logs))
  expect(clean.commands).toBeGreaterThan(0)
  expect(clean.wrong).toEqual([])
  const unheard = logs.filter(({ topic }) => topic !== 'signals')
  expect(actionsOf(new Collected(unheard)).wrong).toHaveLength(clean.commands)
}, 60_000)
