// Transition tables as data: the picture in the documents and the check at run time come from the
// same table.
import { assert } from './assert.ts'

/** From each state, the states it may go to. */
export type Transitions<S extends string> = Readonly<Record<S, readonly S[]>>

export function mayGo<S extends string>(table: Transitions<S>, from: S, to: S): boolean {
  return table[from].includes(to)
}

/** The new state; an illegal move is a defect and stops the task. */
export function go<S extends string>(table: Transitions<S>, from: S, to: S): S {
  assert(mayGo(table, from, to), `no transition from ${from} to ${to}`)
  return to
}

/** The table as a mermaid state diagram, for the documents. */
export function diagram<S extends string>(table: Transitions<S>, initial: S): string {
  const lines = ['stateDiagram-v2', `  [*] --> ${initial}`]
  for (const from of Object.keys(table) as S[]) {
    for (const to of table[from]) lines.push(`  ${from} --> ${to}`)
  }
  return lines.join('\n')
}
