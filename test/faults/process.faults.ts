// Faults of processes: killed, paused, starved, started twice.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault } from './script.ts'

export const PROCESS_FAULTS: readonly Fault[] = [
  {
    id: 'F1',
    title: 'a worker killed (kill -9) under load',
    expected: 'others run its tasks within the session time-out and 5 s; nothing lost or doubled',
    inCi: true,
    async run(scene) {
      const { workers } = await scene.open()
      for (const worker of workers) {
        await worker.child.kill()
        await scene.moves(11_000)
        worker.start()
        await sleep(2_000)
      }
      await scene.judge()
    },
  },
]
