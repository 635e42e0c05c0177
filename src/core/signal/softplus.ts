// ln(1 + e^-x) by additions, multiplications and divisions alone, so that every engine gives the
// same bits; relative error below 1e-11.
import { assert } from '../kernel/assert.ts'

/** Halvings of the argument before its series, squared back afterwards. */
const HALVINGS = 12
const EXP_TERMS = 12
const LOG_TERMS = 16
/** Beyond this e^-x is below the smallest number that adds to anything here. */
const FAR = 700

/** ln(1 + e^-x) of x ≥ 0. */
export function softplus(x: number): number {
  assert(x >= 0, 'softplus of a number from 0')
  if (x > FAR) return 0
  const power = expOfMinus(x)
  // ln(1 + p) = 2 · artanh(p / (2 + p)), and the argument is at most a third.
  const s = power / (2 + power)
  let sum = 0
  for (let k = LOG_TERMS; k >= 0; k--) sum = sum * s * s + 1 / (2 * k + 1)
  return 2 * s * sum
}

function expOfMinus(x: number): number {
  let small = x
  for (let i = 0; i < HALVINGS; i++) small /= 2
  let sum = 1
  for (let k = EXP_TERMS; k > 0; k--) sum = 1 - (small / k) * sum
  for (let i = 0; i < HALVINGS; i++) sum *= sum
  return sum
}
