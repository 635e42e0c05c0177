// A service has one partition, whoever writes: our partitioner agrees with Kafka's Java client on
// every key, text or not. A platform that disagreed on one key in a thousand would watch that
// service with two half-blind tasks.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fetchKafka, javaCommand, KAFKA_VERSIONS } from '../../scripts/lib/servers/fetch.mjs'
import { murmur2, partitionFor } from '../../src/contracts/partitioner.ts'

const KEYS = 5_000
const PROGRAM = fileURLToPath(new URL('java/Partitions.java', import.meta.url))

interface Asked {
  readonly key: string | Uint8Array
  readonly partitions: number
}

const asked: fc.Arbitrary<Asked> = fc.record({
  key: fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.string({ unit: 'grapheme', maxLength: 20 }),
    fc.uint8Array({ maxLength: 64 }),
    fc.constantFrom('', 'checkout', 'größe-日本-🙂'),
  ),
  partitions: fc.oneof(fc.constantFrom(1, 2, 3, 8, 64), fc.integer({ min: 1, max: 2 ** 31 - 1 })),
})

/** What Java says: murmur2 and partition, in the order asked. */
async function kafkas(all: readonly Asked[]): Promise<readonly (readonly number[])[]> {
  const jars = await fetchKafka(KAFKA_VERSIONS[0], () => {})
  const lines = all.map(
    ({ key, partitions }) => `${partitions} ${Buffer.from(key).toString('hex')}`,
  )
  const { stdout, stderr, status } = spawnSync(javaCommand(), ['-cp', `${jars}/*`, PROGRAM], {
    input: `${lines.join('\n')}\n`,
    encoding: 'utf8',
    timeout: 60_000,
    maxBuffer: 64 * 1_048_576,
  })
  expect(status, stderr).toBe(0)
  return stdout
    .trim()
    .split('\n')
    .map((line) => line.split(' ').map(Number))
}

test('the same partition as Kafka’s Java client, for text and for any bytes', async () => {
  const all = fc.sample(asked, KEYS)
  const ours = all.map(({ key, partitions }) => {
    const bytes = typeof key === 'string' ? Buffer.from(key) : key
    return [murmur2(bytes), partitionFor(key, partitions)]
  })
  const theirs = await kafkas(all)
  expect(theirs.length).toBe(KEYS)
  for (const [i, one] of all.entries()) expect(ours[i], JSON.stringify(one)).toEqual(theirs[i])
})
