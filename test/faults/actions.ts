// Whether commands were about what had happened: the agents say when an instance exits, and only
// that instance, in that incarnation, may be restarted.
import { join } from 'node:path'
import type { Signal } from '../../src/contracts/records.ts'
import { Avro } from '../nemesis/checker/avro.ts'
import { isVisible, recordsOf } from '../nemesis/checker/batches.ts'
import { type Collected, readCollected } from '../nemesis/checker/collect.ts'

interface Found {
  readonly commands: number
  /** `instance incarnation` of commands for one that had not exited. */
  readonly wrong: readonly string[]
}

/** Of everything that was collected into the folder of a scene. */
export function actionsIn(folder: string): Found {
  return actionsOf(readCollected(join(folder, 'collected')))
}

export function actionsOf(collected: Collected): Found {
  const avro = new Avro()
  const exits = (signal: Signal | null): string[] =>
    signal?.process?.event === 'exited' ? [`${signal.instance} ${signal.incarnation}`] : []
  const exited = new Set(
    valuesOf(collected, 'signals').flatMap((value) => exits(avro.read('signals', value))),
  )
  const targets = valuesOf(collected, 'commands').flatMap((value) => {
    const target = avro.read('commands', value)?.target
    return target === undefined ? [] : [`${target.instance} ${target.incarnation}`]
  })
  return { commands: targets.length, wrong: targets.filter((target) => !exited.has(target)) }
}

function valuesOf(collected: Collected, kind: 'commands' | 'signals'): readonly Buffer[] {
  return collected.logs
    .filter(({ topic }) => topic === kind)
    .flatMap(({ settled }) => settled.filter(isVisible))
    .flatMap(({ batch }) => recordsOf(batch))
    .flatMap(({ value }) => (value === null ? [] : [value]))
}
