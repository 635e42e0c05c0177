// All checks over what was collected and what the agents wrote down, and the verdict as plain data.
import type { Life } from '../history.ts'
import { Avro } from './avro.ts'
import type { Collected } from './collect.ts'
import { checkCycles } from './cycles.ts'
import { type Folded, foldTask } from './fold.ts'
import { checkInputs, type InputCounts } from './inputs.ts'
import { checkActs, checkBytes, checkEpochs, checkOutputs, checkReaders } from './outputs.ts'
import { type TaskShape, tasksOf } from './tasks.ts'
import type { Violation } from './violation.ts'

export interface Verdict {
  readonly violations: readonly Violation[]
  readonly counts: InputCounts & {
    /** Input records stepped by service tasks; the fleet task reads some of them too. */
    readonly inputs: number
    readonly commits: number
    readonly outputs: number
    readonly commands: number
    readonly acts: number
    readonly read: number
    readonly lives: number
    readonly skipped: number
    readonly snapshots: number
    /** Batches whose transaction was aborted, over all topics. */
    readonly aborted: number
  }
  /** By partition: append times of the commits that held steps, ms. */
  readonly commitTimes: readonly (readonly number[])[]
}

export function check(collected: Collected, lives: readonly Life[], partitions: number): Verdict {
  const avro = new Avro()
  const folds = tasksOf(partitions)
    .filter((task) => isBegun(collected, task))
    .map((task) => foldTask(collected, task, avro))
  const inputs = checkInputs(collected, lives, folds)
  const facts = lives.flat()
  const sum = (of: (fold: Folded) => number): number =>
    folds.reduce((total, fold) => total + of(fold), 0)
  return {
    violations: [
      ...checkBytes(collected),
      ...folds.flatMap(({ violations }) => violations),
      ...inputs.violations,
      ...checkOutputs(collected, folds),
      ...checkCycles(collected, partitions),
      ...checkEpochs(collected),
      ...checkReaders(collected, lives),
      ...checkActs(lives),
    ],
    counts: {
      ...inputs.counts,
      inputs: folds.slice(0, partitions).reduce((total, fold) => total + fold.inputs, 0),
      commits: sum((fold) => fold.commits),
      outputs: sum((fold) => fold.outputs.length),
      commands: sum((fold) => fold.outputs.filter(({ topic }) => topic === 'commands').length),
      acts: facts.filter(({ k }) => k === 'act').length,
      read: facts.filter(({ k }) => k === 'seen').length,
      lives: sum((fold) => fold.entries.filter(({ entry }) => entry.kind === 'fence').length),
      skipped: sum((fold) => fold.skipped),
      snapshots: sum((fold) => fold.snapshots),
      aborted: collected.logs
        .flatMap(({ settled }) => settled)
        .filter(({ fate }) => fate === 'aborted').length,
    },
    commitTimes: folds
      .slice(0, partitions)
      .map(({ entries }) =>
        entries.flatMap(({ entry, atMs }) =>
          entry.kind === 'steps' && entry.steps.length > 0 ? [atMs] : [],
        ),
      ),
  }
}

/** A fleet task is only checked where there is one; a service task must be there. */
function isBegun(collected: Collected, { journal, partition }: TaskShape): boolean {
  return journal === 'journal' || collected.log(journal, partition).batches.length > 0
}
