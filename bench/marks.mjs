// What a contender that counts its own records makes of two moments of a run.

/** @typedef {{ records: number, atMs: number, cpu: NodeJS.CpuUsage }} Mark */

/** Records a second. @param {Mark} from @param {Mark} to */
export function rate(from, to) {
  return ((to.records - from.records) * 1_000) / (to.atMs - from.atMs)
}

/** User and system time of a record. @param {Mark} from @param {Mark} to */
export function cpuUs(from, to) {
  const spent = to.cpu.user + to.cpu.system - from.cpu.user - from.cpu.system
  return spent / (to.records - from.records)
}
