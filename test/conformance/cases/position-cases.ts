// Positions that somebody without membership keeps on the log for its own next start.
import assert from 'node:assert/strict'
import type { ConformanceCase } from '../rig.ts'
import { bytes, expectCode, PATIENCE_MS, topicOf } from '../steps.ts'

export const POSITION_CASES: readonly ConformanceCase[] = [
  {
    id: 'positions-kept',
    title: 'positions of a group are there for whoever asks next, and for no other group',
    story: 'A notifier that was killed goes on from what it had delivered, on another machine.',
    run: async (rig) => {
      const { log } = await rig.connect()
      const topic = await topicOf(rig, log, { partitions: 3 })
      const at = [0, 1, 2].map((partition) => ({ topic, partition }))
      const group = rig.unique('group')
      const admin = log.admin()
      assert.deepEqual(await admin.positions(group, at), [null, null, null])
      await admin.savePositions(group, [
        { topic, partition: 2, offset: 7 },
        { topic, partition: 0, offset: 5_000_000_123 },
      ])
      await admin.savePositions(group, [{ topic, partition: 2, offset: 3 }])
      const other = (await rig.connect()).log.admin()
      assert.deepEqual(await other.positions(group, at), [5_000_000_123, null, 3])
      assert.deepEqual(await other.positions(rig.unique('group'), at), [null, null, null])
    },
  },
  {
    id: 'positions-of-nowhere',
    title: 'no position is kept of a partition that does not exist',
    story: 'A wrong prefix shows at once, and not as alerts that nobody was told of.',
    run: async (rig) => {
      const { log } = await rig.connect()
      const topic = await topicOf(rig, log)
      const at = { topic, partition: 1, offset: 1 }
      await expectCode(log.admin().savePositions(rig.unique('group'), [at]), 'TOPIC_GONE')
    },
  },
  {
    id: 'positions-of-members',
    title: 'while a group has members nobody else keeps positions for it',
    story: 'Two programs that were given the same group do not overwrite each other.',
    run: async (rig) => {
      const { log } = await rig.connect()
      const topic = await topicOf(rig, log)
      const group = rig.unique('group')
      const membership = log.join({
        group,
        metadata: () => bytes('m'),
        assign: () => new Map(),
        sessionTimeoutMs: 3_000,
        rebalanceTimeoutMs: 2_000,
        heartbeatMs: 300,
      })
      await membership.next()
      const admin = log.admin()
      const positions = [{ topic, partition: 0, offset: 4 }]
      await expectCode(admin.savePositions(group, positions), 'MEMBER_LOST')
      await membership.leave()
      const endMs = rig.clock.monotonicMs() + PATIENCE_MS
      for (;;) {
        try {
          await admin.savePositions(group, positions)
          break
        } catch (error) {
          if (rig.clock.monotonicMs() > endMs) throw error
        }
        await rig.clock.sleep(50)
      }
      assert.deepEqual(await admin.positions(group, [{ topic, partition: 0 }]), [4])
    },
  },
]
