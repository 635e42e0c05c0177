// What is to be said of a division in a trigger: that it is one of whole numbers, or by something
// that can be 0.
import { FACTS, isFact } from './fact-table.ts'
import type { Node } from './predicate.ts'
import type { TriggerProblem } from './trigger.ts'

/** `operands`: the two sides. */
export function divisionNotes(
  node: Node & { readonly start: number; readonly end: number },
  operands: readonly Node[],
): readonly TriggerProblem[] {
  if (node.op !== '/' && node.op !== '%') return []
  const { start, end } = node
  const [left, right] = operands
  if (left === undefined || right === undefined) return []
  if (right.op === 'value' && Number(right.args) === 0) {
    return [{ message: 'divides by 0', start, end, hint: null }]
  }
  // CEL divides whole numbers to whole numbers: 1/2 is 0. Facts are doubles, so only literals can
  // fall into this.
  if (node.op === '/' && isWhole(left) && isWhole(right)) {
    const hint = 'write one of them with a point, as in 1.0'
    const message = 'whole numbers are divided to a whole number (1 / 2 is 0)'
    return [{ message, start, end, hint }]
  }
  if (right.op !== 'id' || typeof right.args !== 'string' || !isFact(right.args)) return []
  const { range } = FACTS[right.args]
  if (range === undefined || range[0] > 0) return []
  const hint = `a rate such as error_rate is unknown instead; or add a clause ${right.args} > 0`
  return [{ message: `divides by ${right.args}, which can be 0`, start, end, hint }]
}

const isWhole = (node: Node): boolean => node.op === 'value' && typeof node.args === 'bigint'
