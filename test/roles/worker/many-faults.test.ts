// S0-39 and S0-57 on the embedded log, in real time with a real worker: five faults, each with
// its four parts in causal order, and every record of each reachable from every other by ids. Five
// hundred on real brokers: test/kafka/many-faults.test.ts.
import { expect, test } from 'vitest'
import { createMemoryLog } from '../../../src/adapters/memory/memory-log.ts'
import { createSerde } from '../../../src/adapters/serde/serde.ts'
import { createFleetCore } from '../../../src/core/tasks/fleet-task.ts'
import { createServiceCore } from '../../../src/core/tasks/service-task.ts'
import { startWorker } from '../../../src/roles/worker/worker.ts'
import { systemClock } from '../../../src/runtime/clock.ts'
import { initCluster } from '../../../src/runtime/init.ts'
import { SILENT } from '../../../src/runtime/instruments.ts'
import { checkLinks, checkLoops } from '../../support/fault-links.ts'
import { FaultMill } from '../../support/fault-mill.ts'

const FAULTS = 5

test('S0-39, S0-57: every loop is closed, and every record leads to all others', async () => {
  const log = createMemoryLog()
  const serde = await createSerde()
  const partitions = 2
  await initCluster(log, { clock: systemClock, partitions, dev: true })
  const worker = await startWorker({
    log,
    decoder: serde,
    encoder: serde,
    createCore: createServiceCore,
    createFleetCore,
    clock: systemClock,
    instruments: SILENT,
  })
  try {
    await expect.poll(() => worker.status().ready, { timeout: 10_000, interval: 20 }).toBe(true)
    const mill = new FaultMill({ log, serde, prefix: 'hs.', partitions })
    const reads = await mill.run(FAULTS, 40_000)
    checkLoops(reads, FAULTS)
    checkLinks(reads, FAULTS)
  } finally {
    await worker.stop()
    await log.close()
  }
})
