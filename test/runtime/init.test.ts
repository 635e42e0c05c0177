// `healstream init`: once, again, twice at the same moment, and on what belongs to somebody else.
import { afterEach, describe, expect, test } from 'vitest'
import { clusterId, taskId } from '../../src/contracts/ids.ts'
import { NO_HASH } from '../../src/contracts/journal.ts'
import { encodeEntry } from '../../src/contracts/journal-codec.ts'
import { INPUT_TOPICS, topicName, TOPICS } from '../../src/contracts/topics.ts'
import { initCluster, type InitReport, readGenesis, topicSetups } from '../../src/runtime/init.ts'
import { sha256 } from '../../src/runtime/journal.ts'
import { LogError, type LogErrorCode } from '../../src/runtime/log-error.ts'
import type { LogPort } from '../../src/runtime/ports.ts'
import { EngineRig } from '../support/engine-rig.ts'

const rigs: EngineRig[] = []

function empty(partitions = 2): EngineRig {
  const made = new EngineRig(partitions)
  rigs.push(made)
  return made
}

function init(cluster: EngineRig, partitions = 2, prefix = 'hs.'): Promise<InitReport> {
  const { clock, log } = cluster
  return cluster.run(initCluster(log, { clock, partitions, prefix, dev: true }))
}

/** Its first commits fail, after they were carried out or before. */
function failingOnce(
  log: LogPort,
  code: LogErrorCode,
  happened: boolean,
  times: number = 1,
): LogPort {
  let left = times
  const writer: LogPort['writer'] = (how) => {
    const inner = log.writer(how)
    return {
      fence: () => inner.fence(),
      renew: () => inner.renew(),
      close: () => inner.close(),
      commit: async (records) => {
        if (left-- <= 0) return inner.commit(records)
        if (happened) await inner.commit(records)
        throw new LogError(code, 'as the test wants')
      },
    }
  }
  return {
    name: log.name,
    clusterId: () => log.clusterId(),
    reader: (how) => log.reader(how),
    producer: (how) => log.producer(how),
    join: (how) => log.join(how),
    admin: () => log.admin(),
    close: () => log.close(),
    writer,
  }
}

afterEach(async () => {
  for (const made of rigs.splice(0)) await made.stop()
})

describe('init', () => {
  test('creates every topic as the design says and a genesis per journal', async () => {
    const cluster = empty()
    const report = await init(cluster)
    expect(report).toMatchObject({ clusterId: 'toy-cluster', partitions: 2, begun: 3, found: 0 })
    const admin = cluster.log.admin()
    const names = TOPICS.map(({ kind }) => topicName(kind))
    const topics = await cluster.run(admin.describeTopics(names))
    expect(topics.map((topic) => topic?.partitions)).toEqual(
      TOPICS.map((spec) => (spec.partitions === 'P' ? 2 : 1)),
    )
    const [genesis] = await cluster.journal(1)
    expect(genesis?.entry).toMatchObject({
      kind: 'genesis',
      clusterId: 'toy-cluster',
      task: 's1',
      partitions: 2,
      prefix: 'hs.',
      dev: true,
      lastTip: null,
    })
    const positions = genesis?.entry.kind === 'genesis' ? genesis.entry.positions : []
    expect(positions.map(({ topic }) => topic)).toEqual(INPUT_TOPICS)
    const fleet = await cluster.run(
      readGenesis(cluster.log, { topic: topicName('fleet-journal'), partition: 0 }),
    )
    const inputs = fleet?.positions.map(({ topic, partition }) => `${topic}-${partition}`)
    expect(fleet?.task).toBe('fleet')
    expect(inputs).toEqual(['policies-0', 'operator-0', 'observations-0', 'observations-1'])
  })

  test('again: says so and changes nothing', async () => {
    const cluster = empty()
    await init(cluster)
    const before = await cluster.journal()
    expect(await init(cluster)).toMatchObject({ begun: 0, found: 3 })
    expect(await cluster.journal()).toEqual(before)
  })

  // Story: an init that took the transactional id without looking fenced the running workers.
  test('again beside a running worker: the worker is not fenced', async () => {
    const cluster = empty(1)
    await init(cluster, 1)
    const worker = await cluster.worker()
    await cluster.until('it runs', () => worker.handle.status().tasks[0]?.state === 'Running')
    await init(cluster, 1)
    await cluster.send('signals', ['urgent'])
    await cluster.until('used', () => cluster.drained())
    expect(worker.handle.status().tasks[0]).toMatchObject({ state: 'Running', gen: 1 })
  })

  test('two at the same moment: one genesis each', async () => {
    const cluster = empty()
    const { clock, log } = cluster
    const both = [1, 2].map(() => initCluster(log, { clock, partitions: 2 }))
    const reports = await cluster.run(Promise.allSettled(both))
    expect(reports.some(({ status }) => status === 'fulfilled')).toBe(true)
    await init(cluster)
    for (const partition of [0, 1]) expect(await cluster.journal(partition)).toHaveLength(1)
  })

  // Story: the slower of two inits fenced after the faster had written, and wrote a second genesis.
  test('one that was overtaken between looking and fencing writes nothing', async () => {
    const cluster = empty(1)
    const { clock } = cluster
    const slow = cluster.log.broker.connect({
      transport: (inner) => async (api, request, limits) => {
        if (api === 'initProducerId') await clock.sleep(900)
        return await inner(api, request, limits)
      },
    })
    const overtaken = initCluster(slow, { clock, partitions: 1 })
    await clock.advance(100)
    expect(await init(cluster, 1)).toMatchObject({ begun: 2 })
    expect(await cluster.run(overtaken)).toMatchObject({ begun: 0, found: 2 })
    expect(await cluster.journal()).toHaveLength(1)
  })

  // Story: on a busy cluster a transaction of init took longer than its time-out, the coordinator
  // ended it, and init ended with FENCED although nothing was wrong.
  test.each(['FENCED', 'IN_DOUBT', 'ABORTED'] as const)(
    'a commit that ends as %s is looked at again, whether it happened or not',
    async (code) => {
      for (const happened of [true, false]) {
        const cluster = empty(1)
        const report = await cluster.run(
          initCluster(failingOnce(cluster.log, code, happened), {
            clock: cluster.clock,
            partitions: 1,
          }),
        )
        expect(report.begun + report.found).toBe(2)
        expect(await cluster.journal()).toHaveLength(1)
      }
    },
  )

  test('a log that fences every time is told as it is', async () => {
    const cluster = empty(1)
    const log = failingOnce(cluster.log, 'FENCED', false, 1_000)
    const act = cluster.run(initCluster(log, { clock: cluster.clock, partitions: 1 }))
    await expect(act).rejects.toMatchObject({ code: 'FENCED' })
  })

  test('an init that died half-way is finished by the next', async () => {
    const cluster = empty()
    await init(cluster)
    const admin = cluster.log.admin()
    const at = { topic: topicName('journal'), partition: 1 }
    const [end] = await cluster.run(admin.offsets([at], 'latest', 'read_committed'))
    await cluster.run(admin.deleteRecords(at, end ?? 0))
    expect(await init(cluster)).toMatchObject({ begun: 1, found: 2 })
  })

  // Story: the topic of the journals was deleted by hand; init, run again as the error said, began
  // every task anew, with all cool-downs forgotten, and nobody was told.
  test('a journal that is gone, of a task that has run, is no fresh start', async () => {
    const cluster = empty(1)
    await init(cluster, 1)
    const admin = cluster.log.admin()
    await cluster.run(admin.deleteTopics([topicName('journal')]))
    const key = Buffer.from('stock')
    const record = { topic: topicName('health'), partition: 0, key, value: null }
    await cluster.run(cluster.log.producer().send([{ ...record, timestampMs: 0 }]))
    await expect(init(cluster, 1)).rejects.toMatchObject({
      code: 'HS_JOURNAL_LOST',
      message: 'the journal of s0 is empty, but it has run: hs.health-0 was written to',
      fix: expect.stringContaining('init --after-loss'),
    })
    expect(await cluster.journal()).toEqual([])
  })

  test('another number of partitions is refused with what was found', async () => {
    const cluster = empty()
    await init(cluster)
    await expect(init(cluster, 3)).rejects.toMatchObject({
      code: 'HS_CONFIG',
      message: expect.stringContaining('has 2 partitions, 3 were asked for'),
    })
  })

  test('a second prefix is a cluster of its own', async () => {
    const cluster = empty()
    await init(cluster)
    expect(await init(cluster, 3, 'other.')).toMatchObject({ begun: 4, found: 0 })
  })

  test('the journal of another cluster is refused', async () => {
    const cluster = empty(1)
    const setups = topicSetups('hs.', 1)
    await cluster.run(cluster.log.admin().createTopics(setups))
    const genesis = {
      kind: 'genesis',
      clusterId: clusterId('elsewhere'),
      task: 's0',
      partitions: 1,
      prefix: 'hs.',
      positions: [],
      behaviour: 1,
      format: 2,
      scale: 4,
      dev: false,
      atMs: 1,
      lastTip: null,
    } as const
    const value = encodeEntry({ ...genesis, task: taskId('s0') }, NO_HASH, sha256).bytes
    const topic = topicName('journal')
    const record = { topic, partition: 0, key: null, value, timestampMs: 0 }
    await cluster.run(cluster.log.producer().send([record]))
    await expect(init(cluster, 1)).rejects.toMatchObject({ code: 'HS_FOREIGN_CLUSTER' })
  })

  test('the genesis of an empty journal is null', async () => {
    const cluster = empty(1)
    await cluster.run(cluster.log.admin().createTopics(topicSetups('hs.', 1)))
    const at = { topic: topicName('journal'), partition: 0 }
    expect(await cluster.run(readGenesis(cluster.log, at))).toBe(null)
  })
})

describe('topics', () => {
  test('agents write append-time topics without compression and with a small bound', () => {
    const telemetry = topicSetups('x.', 6).find(({ topic }) => topic === 'x.telemetry')
    expect(telemetry).toEqual({
      topic: 'x.telemetry',
      partitions: 6,
      config: {
        'cleanup.policy': 'delete',
        'retention.ms': '604800000',
        'message.timestamp.type': 'LogAppendTime',
        'max.message.bytes': '65536',
        'compression.type': 'uncompressed',
      },
    })
  })

  test('views are compacted, policies are kept for ever, the fleet has one partition', () => {
    const by = new Map(topicSetups('', 6, 3).map((setup) => [setup.topic, setup]))
    expect(by.get('health')?.config['cleanup.policy']).toBe('compact')
    expect(by.get('health')?.config['retention.ms']).toBe(undefined)
    expect(by.get('policies')?.config['retention.ms']).toBe('-1')
    expect(by.get('fleet-journal')).toMatchObject({ partitions: 1, replicas: 3 })
  })
})
