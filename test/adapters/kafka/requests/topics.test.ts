// CreateTopics, DeleteTopics and DescribeConfigs.
import {
  createTopicsRequest,
  deleteTopicsRequest,
  describeConfigsRequest,
} from '../../../../src/adapters/kafka/requests/topics.ts'
import { type Example, holds } from './example.ts'
import { answer, arrayOf } from './kafkajs-codec.ts'

const createTopics: Example = {
  request: createTopicsRequest({
    topics: [
      { topic: 'a', partitions: 12, config: { 'cleanup.policy': 'compact' } },
      { topic: 'b', partitions: 1, replicas: 1, config: {} },
    ],
    defaultReplicas: 3,
    timeoutMs: 900,
  }),
  kafkajs: {
    topics: [
      {
        topic: 'a',
        numPartitions: 12,
        replicationFactor: 3,
        configEntries: [{ name: 'cleanup.policy', value: 'compact' }],
      },
      { topic: 'b', numPartitions: 1, replicationFactor: 1 },
    ],
    timeout: 900,
    validateOnly: false,
  },
  answer: answer()
    .writeInt32(0)
    .writeEncoder(
      arrayOf(['b', 'a'], (to, name) =>
        to
          .writeString(name)
          .writeInt16(name === 'a' ? 0 : 36)
          .writeString(name === 'a' ? null : 'exists'),
      ),
    ).buffer,
  says: ['NONE', 'TOPIC_ALREADY_EXISTS'],
}

const deleteTopics: Example = {
  request: deleteTopicsRequest(['a', 'b'], 900),
  kafkajs: { topics: ['a', 'b'], timeout: 900 },
  answer: answer()
    .writeInt32(0)
    .writeEncoder(
      arrayOf(['b', 'a'], (to, name) => to.writeString(name).writeInt16(name === 'a' ? 0 : 41)),
    ).buffer,
  says: ['NONE', 'NOT_CONTROLLER'],
}

const describeConfigs: Example = {
  request: describeConfigsRequest(['a']),
  kafkajs: { resources: [{ type: 2, name: 'a', configNames: [] }], includeSynonyms: false },
  answer: answer()
    .writeInt32(0)
    .writeEncoder(
      arrayOf(['a'], (to, name) =>
        to
          .writeInt16(0)
          .writeString(null)
          .writeInt8(2)
          .writeString(name)
          .writeEncoder(
            arrayOf(['cleanup.policy', 'hidden'], (inner, key) =>
              inner
                .writeString(key)
                .writeString(key === 'hidden' ? null : 'compact')
                .writeBoolean(false)
                .writeInt8(5)
                .writeBoolean(key === 'hidden')
                .writeEncoder(
                  arrayOf(['log.cleanup.policy'], (list, synonym) =>
                    list.writeString(synonym).writeString('delete').writeInt8(5),
                  ),
                ),
            ),
          ),
      ),
    ).buffer,
  says: [{ name: 'a', error: 'NONE', config: { 'cleanup.policy': 'compact' } }],
}

holds(createTopics)
holds(deleteTopics)
holds(describeConfigs)
