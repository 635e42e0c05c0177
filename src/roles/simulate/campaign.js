// Many seeds, one after the other: what failed with the command that runs it again, and which
// moments workers were killed at, so that a run over many seeds can be held to having met them all.
import { createSerde } from '../../adapters/serde/serde.js'
import { formatDuration } from '../../contracts/duration.js'
import { MOMENTS } from './plan.js'
import { simulate } from './simulation.js'
/** Errors: HS_INTERNAL when the schemas are missing from the package. */
export async function campaign(options) {
  const serde = await createSerde()
  const { seed: first, seeds, forMs, workers, partitions, trace } = options
  const reports = []
  for (let seed = first; seed < first + seeds; seed++) {
    const report = await simulate({
      seed,
      forMs,
      serde,
      ...(workers === undefined ? {} : { workers }),
      ...(partitions === undefined ? {} : { partitions }),
      ...(trace === undefined ? {} : { say: trace }),
    })
    reports.push(report)
    options.ran?.(report)
  }
  return summary(reports, options)
}
/** As a shell takes it. */
export function replayOf(seed, options) {
  const { forMs, workers, partitions } = options
  return [
    `healstream simulate --seed ${seed} --for ${forMs}ms`,
    ...(workers === undefined ? [] : [`--workers ${workers}`]),
    ...(partitions === undefined ? [] : [`--partitions ${partitions}`]),
  ].join(' ')
}
function summary(reports, options) {
  const sum = (figure) => reports.reduce((total, report) => total + figure(report), 0)
  const counts = {}
  for (const report of reports)
    for (const [what, count] of Object.entries(report.counts))
      counts[what] = (counts[what] ?? 0) + count
  const moments = Object.fromEntries(MOMENTS.map((moment) => [moment, 0]))
  for (const moment of reports.flatMap((report) => report.moments))
    moments[moment] = (moments[moment] ?? 0) + 1
  return {
    seeds: reports.length,
    failures: reports.filter(isFailed).map(({ seed, problems, last, hash }) => {
      return { seed, problems, last, hash, replay: replayOf(seed, options) }
    }),
    simulatedMs: sum((report) => report.simulatedMs),
    hash: joined(reports.map(({ hash }) => hash)),
    events: sum((report) => report.events),
    acknowledged: sum((report) => report.acknowledged),
    commands: sum((report) => report.commands),
    steps: sum((report) => report.checked.steps),
    entries: sum((report) => report.checked.entries),
    outputs: sum((report) => report.checked.outputs),
    gens: sum((report) => report.checked.gens),
    skips: sum((report) => report.checked.skips),
    lagMs: Math.max(0, ...reports.map((report) => report.checked.lagMs)),
    counts,
    moments,
  }
}
const isFailed = ({ problems }) => problems.length > 0
/** Of one run: its own hash. */
function joined(hashes) {
  const [only = ''] = hashes
  if (hashes.length === 1) return only
  let hash = 0n
  for (const one of hashes) hash = BigInt.asUintN(64, hash * 1099511628211n + BigInt(`0x${one}`))
  return hash.toString(16).padStart(16, '0')
}
/** What a run over `seeds` seeds was about, in a line. */
export function headline({ seeds, simulatedMs }, tookMs) {
  const speed = Math.round(simulatedMs / Math.max(1, tookMs))
  return (
    `${seeds} seed${seeds === 1 ? '' : 's'}, ${formatDuration(simulatedMs)} simulated in ` +
    `${formatDuration(tookMs)}: ${speed} times as fast as time`
  )
}
//# sourceMappingURL=campaign.js.map
