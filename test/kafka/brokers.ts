// The brokers that tests on real Kafka share, and where Kafka's jars are.

/** `HEALSTREAM_TEST_KAFKA`: JSON, lists of brokers by how many they are. */
export function brokersOf(size: number): readonly string[] {
  const found: unknown = JSON.parse(process.env['HEALSTREAM_TEST_KAFKA'] ?? '{}')
  const list: unknown = Reflect.get(Object(found), size)
  if (!Array.isArray(list)) throw new Error(`HEALSTREAM_TEST_KAFKA names no ${size} brokers`)
  return list.map(String)
}

export function jarsFolder(): string {
  return process.env['HEALSTREAM_TEST_KAFKA_JARS'] ?? '/tmp/kafka/4.1.1'
}
