// People at the simulated cluster: they write its policies, hold services, and let them go again.
import type { Serde } from '../../adapters/serde/serde.ts'
import { topicName } from '../../contracts/topics.ts'
import { encodeUtf8 } from '../../contracts/utf8.ts'
import type { IdempotentProducer } from '../../runtime/ports.ts'
import { COMMANDS } from './commands.ts'
import type { History } from './history.ts'
import type { SimNode } from './node.ts'
import type { Random } from './random.ts'
import { operatorRecord, policy } from './records.ts'
import type { World } from './world.ts'

export interface PeopleOptions {
  readonly node: SimNode
  readonly world: World
  readonly producer: IdempotentProducer
  readonly random: Random
  readonly encoder: Serde
  readonly history: History
  readonly prefix: string
  readonly partitions: number
  readonly services: readonly string[]
  /** Simulated time of the run, ms. */
  readonly forMs: number
}

/** Every service, and the fleet as a whole. */
const EVERYBODY: readonly string[] = ['*']
const HEALING = { mode: 'enforce', trigger: 'health == "unhealthy"' } as const
/** What policies ask for: one action, or rungs of which one drains before it acts. */
const REMEDIES = [
  { action: 'restart_instance' },
  {
    ladder: [
      {
        steps: [
          { action: 'drain', args: { timeout: '2s' } },
          { action: 'restart_instance', hold: '1s' },
        ],
      },
      { action: 'restore' },
      { action: 'migrate_instance' },
    ],
  },
] as const
const DOCUMENTS = [
  [
    'GuardSet',
    {
      perMinute: COMMANDS.perMinute,
      serviceIntervalMs: `${COMMANDS.serviceIntervalMs}ms`,
      cooldownMs: '15s',
      warmUpMs: '10s',
      verifyMs: '10s',
    },
  ],
] as const

/** In a run so long everybody falls ill so often that nobody would be treated any more. */
const LONG_MS = 600_000
const HANDS_ON = {
  flapTransitions: 100_000,
  ineffectiveMax: 100_000,
  ineffectiveSpanMs: '10m',
  cooldownMaxMs: '15s',
}

export class People {
  readonly #options: PeopleOptions
  #holds = 0

  constructor(options: PeopleOptions) {
    this.#options = options
  }

  /** A person holds a service, and lets it go again. */
  hold(forMs: number): void {
    const { random, services, world } = this.#options
    const service = random.fork(`hold ${this.#holds}`).pick(services)
    const id = `hold-${this.#holds++}`
    const tell = (kind: 'hold' | 'release'): void => {
      const refersTo = kind === 'hold' ? null : id
      const name = kind === 'hold' ? id : `${id}-release`
      this.#toAll('operator', name, operatorRecord(name, kind, { service, refersTo })).catch(ignore)
    }
    tell('hold')
    world.after(forMs, () => tell('release'))
  }

  async applyPolicies(): Promise<void> {
    const isLong = this.#options.forMs > LONG_MS
    const remedy = this.#options.random.pick(REMEDIES)
    const healing = ['HealPolicy', { ...HEALING, ...remedy }] as const
    for (const [kind, rest] of [healing, ...DOCUMENTS]) {
      const more = isLong && kind === 'GuardSet' ? HANDS_ON : {}
      const services = kind === 'HealPolicy' ? this.#options.services : EVERYBODY
      const match = { services }
      const name = `simulation-${kind.toLowerCase()}`
      await this.#toAll('policies', name, policy(name, kind, 1, { match, ...rest, ...more }))
    }
  }

  close(): Promise<void> {
    return this.#options.producer.close()
  }

  /** One record to every partition. */
  async #toAll(
    topic: 'policies' | 'operator',
    key: string,
    record: Parameters<Serde['encode']>[1],
  ): Promise<void> {
    const { encoder, partitions, prefix, node, history, producer } = this.#options
    const value = encoder.encode(topic, record as never)
    const records = Array.from({ length: partitions }, (_, partition) => ({
      topic: topicName(topic, prefix),
      partition,
      key: encodeUtf8(key),
      value,
      timestampMs: node.nowMs(),
    }))
    await history.send(producer, records)
  }
}

const ignore = (): void => undefined
