// Faults of what comes in: poison, bursts, late, damaged.
import { burst, disorder } from './floods.ts'
import { badSchema } from './schemas.ts'
import type { Fault } from './script.ts'

const CORPUS = 'test/kafka/corpus.test.ts'
const REGISTRY = 'test/kafka/registry.test.ts'
const SERVICE_TASK = 'test/core/tasks/service-task.property.test.ts'
const STORED = 'test/kafka/hostile-stored.test.ts'

export const DATA_FAULTS: readonly Fault[] = [
  {
    id: 'F49',
    title: 'a corpus of nearly 300 records that nobody should send, and of batches',
    expected:
      'each ends in its bucket, nothing dies, the loop stands for 100 ms at most, and the next ' +
      'good record is used within a commit and a second',
    provenBy: [
      `${CORPUS} › each ends in its bucket; who comes behind it does not wait`,
      `${CORPUS} › nobody died of it, and another worker comes to the same state`,
      'test/kafka/hostile.test.ts › refused by the broker',
      'test/kafka/hostile.test.ts › stored by the broker',
    ],
  },
  {
    id: 'F51',
    title: 'a schema registered that does not fit those before it; the registry made to take it',
    expected:
      'it is refused; what is written with it all the same are dead letters that name its id, ' +
      'and old records are used as before, also by a worker that starts then',
    provenBy: [`${REGISTRY} › check finds a schema that the registry would refuse, and says which`],
    run: badSchema,
  },
  {
    id: 'F52',
    title:
      'a hundred times the telemetry (300,000 records at once), nine tenths of it of one service',
    expected:
      'workers keep up or catch up, their memory stays below 300 MB, every record is used once, ' +
      'and nobody who is well is acted on',
    run: burst,
  },
  {
    id: 'F53',
    title: 'batches of telemetry twice, out of order, an hour late',
    expected:
      'the figures are those of each record once; what comes an hour late changes no window that ' +
      'is over, and nobody is acted on',
    provenBy: [`${SERVICE_TASK} › figures of \${RECORDS} deltas are those of an oracle`],
    run: disorder,
  },
  {
    id: 'F54',
    title: 'bits flip in a segment of a stopped broker',
    expected:
      'its task stops and says where, before anything wrong is used; the others go on; mended, ' +
      'all of it is there',
    provenBy: [
      `${STORED} › its task stops and says where, the others go on; mended, all of it is there`,
    ],
  },
]
