// How the benches open the log: as a role does.
import { createKafkaLog } from '../dist/adapters/kafka/kafka-log.js'
import { systemClock } from '../dist/runtime/clock.js'

/** @param {readonly string[]} brokers */
export function openLog(brokers) {
  return createKafkaLog({ brokers, clock: systemClock })
}
