// Who a person is in a record that is kept: as the flag or HEALSTREAM_OPERATOR says, else the user
// of this process at this machine.
import { hostname, userInfo } from 'node:os'
import type { Context } from './context.ts'

export function operatorName(flag: string | undefined, { env }: Pick<Context, 'env'>): string {
  const given = (flag ?? env['HEALSTREAM_OPERATOR'] ?? '').trim()
  return given === '' ? `${userInfo().username}@${hostname()}` : given
}
