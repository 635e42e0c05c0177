import { topicName } from '../../contracts/topics.js'
import { encodeUtf8 } from '../../contracts/utf8.js'
import { heartbeat, probe, processEvent, registration, result, telemetry } from './records.js'
const NORMAL_US = 20_000
const SLOW_US = 2_500_000
export class Instance {
  name
  #beside
  #random
  #incarnation = 1
  #illness = null
  constructor(name, beside, random) {
    this.name = name
    this.#beside = beside
    this.#random = random
  }
  get isIll() {
    return this.#illness !== null
  }
  begin() {
    return [
      this.#record('service-events', registration(this.#who('service-events'), 1)),
      this.#record('signals', probe(this.#who('signals'), 'up')),
    ]
  }
  /** Once in a tick. */
  tick() {
    if (this.#illness === 'mute') return []
    const isDown = this.#illness === 'crash'
    const rate = isDown ? 0 : this.#random.int(20, 40)
    const failed = this.#illness === 'errors' ? Math.floor(rate / 2) : 0
    const latencyUs = this.#illness === 'slow' ? SLOW_US : NORMAL_US
    const state = isDown ? 'down' : 'up'
    return [
      this.#record('signals', heartbeat(this.#who('signals'), state)),
      ...(rate === 0
        ? []
        : [
            this.#record(
              'telemetry',
              telemetry(this.#who('telemetry'), { ok: rate - failed, failed, latencyUs }),
            ),
          ]),
    ]
  }
  fall(illness) {
    this.#illness = illness
    if (illness !== 'crash') return []
    return [
      this.#record('signals', processEvent(this.#who('signals'), 'exited')),
      this.#record('signals', probe(this.#who('signals'), 'down')),
    ]
  }
  /** It comes back by itself, or a restart helped. */
  recover() {
    const wasDown = this.#illness === 'crash'
    this.#illness = null
    return wasDown ? this.#started() : []
  }
  answerStarted(command) {
    const answer = { outcome: 'started', incarnation_after: this.#incarnation }
    return [this.#record('results', result(this.#who('results'), command, answer))]
  }
  /** What a restart comes to. */
  obey(command) {
    const who = this.#who('results')
    if (this.#random.chance(0.15)) {
      const answer = { outcome: 'failed', incarnation_after: this.#incarnation }
      return [this.#record('results', result(who, command, answer))]
    }
    this.#illness = null
    const started = this.#started()
    const answer = { outcome: 'succeeded', incarnation_after: this.#incarnation }
    return [...started, this.#record('results', result(who, command, answer))]
  }
  #started() {
    this.#incarnation++
    return [
      this.#record('signals', processEvent(this.#who('signals'), 'started')),
      this.#record('service-events', registration(this.#who('service-events'), 1)),
      this.#record('signals', probe(this.#who('signals'), 'up')),
    ]
  }
  #who(topic) {
    const { cluster, service, agent, nowMs, nextSeq } = this.#beside
    return {
      cluster,
      service,
      agent,
      instance: this.name,
      incarnation: this.#incarnation,
      atMs: nowMs(),
      seq: nextSeq(topic),
    }
  }
  #record(topic, record) {
    const { prefix, partition, service, encoder, nowMs } = this.#beside
    return {
      topic: topicName(topic, prefix),
      partition,
      key: encodeUtf8(service),
      value: encoder.encode(topic, record),
      timestampMs: nowMs(),
    }
  }
}
//# sourceMappingURL=instance.js.map
