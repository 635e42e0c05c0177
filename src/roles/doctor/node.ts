// Node itself: the version that the package asks for.
import { type Finding, fail, ok } from './finding.ts'

/** As `engines` in package.json; a test holds them equal. */
export const NODE_FLOOR: readonly [number, number] = [20, 19]

export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [floorMajor, floorMinor] = NODE_FLOOR
  const isNew = major > floorMajor || (major === floorMajor && minor >= floorMinor)
  const floor = NODE_FLOOR.join('.')
  return isNew
    ? ok('node', `Node ${version}`)
    : fail('node', `Node ${version}, older than ${floor}`, `Install Node ${floor} or newer.`)
}
