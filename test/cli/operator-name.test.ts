// Who a person is in a record: what was said of them, else the user of this machine.
import { hostname } from 'node:os'
import { expect, test } from 'vitest'
import { operatorName } from '../../src/cli/operator-name.ts'

test('the flag, then the variable, then user and host; blanks say nothing', () => {
  const env = { HEALSTREAM_OPERATOR: ' ann@ops ' }
  expect(operatorName('bob', { env })).toBe('bob')
  expect(operatorName(undefined, { env })).toBe('ann@ops')
  expect(operatorName('  ', { env: {} })).toContain(`@${hostname()}`)
  expect(operatorName(undefined, { env: {} })).toContain('@')
})
