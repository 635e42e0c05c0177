// Clusters for the tests of a file, each ended after its test.
import { afterEach } from 'vitest'
import { EngineRig, type RigWorker } from './engine-rig.ts'

/** Call it once in a file; what it answers begins a cluster with so many partitions. */
export function useRigs(): (partitions?: number) => Promise<EngineRig> {
  const rigs: EngineRig[] = []
  afterEach(async () => {
    for (const made of rigs.splice(0)) await made.stop()
  })
  return async (partitions = 1) => {
    const made = new EngineRig(partitions)
    rigs.push(made)
    await made.init()
    return made
  }
}

/** Partitions of the tasks that run on the worker. */
export const owned = (worker: RigWorker): readonly number[] =>
  worker.handle
    .status()
    .tasks.filter(({ state }) => state === 'Running')
    .map(({ partition }) => partition)
