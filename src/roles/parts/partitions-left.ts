// How many partitions a cluster has, also one that has lost journals: a process that asked the
// first journal alone could not even begin when that one was lost, and no other task ran either.
import { HsError } from '../../contracts/failure.ts'
import type { ClusterId } from '../../contracts/ids.ts'
import { topicName } from '../../contracts/topics.ts'
import { findGenesis } from '../../runtime/genesis.ts'
import { describeTopic, journalEnd, journalStart } from '../../runtime/journal.ts'
import type { LogPort } from '../../runtime/ports.ts'

/** P. Errors: as findGenesis, where nothing of any journal is left. */
export async function partitionsLeft(
  log: LogPort,
  prefix: string,
  clusterId: ClusterId,
): Promise<number> {
  try {
    return (await findGenesis(log, prefix, clusterId)).partitions
  } catch (error) {
    const isLost =
      error instanceof HsError &&
      (error.code === 'HS_NO_GENESIS' || error.code === 'HS_CHAIN_BROKEN')
    if (!isLost) throw error
    const topic = topicName('journal', prefix)
    const partitions = (await describeTopic(log, topic))?.partitions ?? 0
    for (let partition = 0; partition < partitions; partition++) {
      const at = { topic, partition }
      if ((await journalEnd(log, at)) > (await journalStart(log, at))) return partitions
    }
    throw error
  }
}
