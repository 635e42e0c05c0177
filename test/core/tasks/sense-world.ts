// A task of behaviour 3 with instances that tell more than requests.
import type { Gauges, TelemetryDelta } from '../../../src/contracts/records.ts'
import { CoreDriver } from '../../support/core-driver.ts'
import { delta, type DeltaWords, policy, serviceEvent } from '../../support/records.ts'

const NONE: Gauges = {
  cpu: null,
  rss: null,
  fds: null,
  run_queue_wait: null,
  event_loop_delay: null,
  rtt: null,
  loss: null,
}

/** A gauge of `n` samples of the same value. */
export const stat = (value: number, n: number = 10): NonNullable<Gauges['cpu']> => {
  return { n, sum: n * value, max: value }
}

export type Told = Partial<Pick<TelemetryDelta, 'logs' | 'tasks' | 'metrics'>> & {
  readonly gauges?: Partial<Gauges>
}

export function telling(words: DeltaWords, { gauges, ...rest }: Told): TelemetryDelta {
  return {
    ...delta(words),
    ...rest,
    gauges: gauges === undefined ? null : { ...NONE, ...gauges },
  }
}

export async function sensing(instances: readonly string[]): Promise<CoreDriver> {
  const driver = await CoreDriver.create({ behaviour: 3 })
  for (const instance of instances) {
    driver.serviceEvent(serviceEvent({ instance, atMs: driver.nowMs }))
  }
  driver.step()
  return driver
}

export function detectors(driver: CoreDriver, settings: object, version: number = 1): void {
  const document = {
    apiVersion: 'healstream.io/v1',
    kind: 'DetectorSet',
    metadata: { name: 'some' },
    spec: { match: { services: ['*'] }, detectors: settings },
  }
  driver.policy(policy({ name: 'some', kind: 'DetectorSet', version, document }))
  driver.step()
}

/** A second at a time: what is appended is read, and time goes on as the task asks. */
export function seconds(driver: CoreDriver, count: number, each: (second: number) => void): void {
  for (let second = 0; second < count; second++) {
    each(second)
    driver.step()
    driver.sleep(1_000)
  }
}

export function signalsOf(driver: CoreDriver, instance: string): readonly string[] {
  return driver.health('shop', instance)?.signals ?? []
}
