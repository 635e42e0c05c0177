// `healstream worker|projector|agent|notifier`: one role as a process of its own, until a signal or
// an error after which it can only be started again. Log lines go to stderr as JSON.
import { resolveSettings, type ResolvedSettings } from '../../config/settings.ts'
import { EXIT, HsError } from '../../contracts/failure.ts'
import type { ExitCode } from '../../contracts/failure.ts'
import { startAgentProcess } from '../../roles/agent/process.ts'
import { startNotifierProcess } from '../../roles/notifier/process.ts'
import { openParts, type ProcessParts } from '../../roles/parts/parts.ts'
import { type RunningRole, whileWaiting } from '../../roles/parts/running-role.ts'
import { startProjectorProcess } from '../../roles/projector/process.ts'
import { redisOptionsOf } from '../../roles/projector/redis-access.ts'
import { startWorkerProcess } from '../../roles/worker/process.ts'
import { forPeople } from '../../runtime/reaction.ts'
import { claimRun, liveRuns, type Run, runFolder, workersFolder } from '../../runtime/run-file.ts'
import type { Context } from '../context.ts'
import { interruption, STOP_MS, withinLimit } from '../lifecycle.ts'
import type { ClusterFlags } from '../settings-flags.ts'

export type RoleName = 'worker' | 'projector' | 'agent' | 'notifier'

/** Errors: HsError of a start that failed, or of what ended the role. */
export async function serve(
  context: Context,
  name: RoleName,
  flags: ClusterFlags,
): Promise<ExitCode> {
  const resolved = resolveSettings(flags, context.env)
  if (name === 'agent' && resolved.settings.agent === null) throw noAgent()
  if (name === 'notifier' && resolved.settings.notifier === null) throw noNotifier()
  const interrupted = interruption()
  const opening = whileWaiting(resolved.settings.port, () => openParts(resolved, { role: name }))
  const parts = await untilInterrupted(opening, interrupted.signal)
  // What is still being asked for would keep the process for its own time.
  if (parts === null) process.exit(EXIT.interrupted)
  let role: RunningRole
  const inTime = exitLate(interrupted.signal)
  try {
    role = await start(name, parts, { resolved, context })
  } catch (error) {
    await parts.close()
    throw forPeople(error)
  } finally {
    inTime()
  }
  return supervise(parts, { role, name, signal: interrupted.signal })
}

function noAgent(): HsError {
  return new HsError('HS_CONFIG', 'no agent is described', {
    fix: 'Name a file that has an `agent` section with --config; examples/agent.yaml is one.',
  })
}

function noNotifier(): HsError {
  return new HsError('HS_CONFIG', 'no notifier is described', {
    fix: 'Name a file that has a `notifier` section with --config; examples/notifier.yaml is one.',
  })
}

/**
 * A start that takes longer than a stop may after a signal is left where it is; what it has started
 * ends with its parent. Returns what calls that off.
 */
function exitLate(signal: AbortSignal): () => void {
  let timer: NodeJS.Timeout | undefined
  const arm = (): void => {
    timer = setTimeout(() => process.exit(EXIT.interrupted), STOP_MS)
  }
  signal.addEventListener('abort', arm, { once: true })
  return () => {
    signal.removeEventListener('abort', arm)
    clearTimeout(timer)
  }
}

/** null when a signal came first. */
async function untilInterrupted<T>(opening: Promise<T>, signal: AbortSignal): Promise<T | null> {
  if (signal.aborted) return null
  const aborted = new Promise<null>((resolve) => {
    signal.addEventListener('abort', () => resolve(null), { once: true })
  })
  return Promise.race([opening, aborted])
}

function start(
  name: RoleName,
  parts: ProcessParts,
  { resolved, context }: { readonly resolved: ResolvedSettings; readonly context: Context },
): Promise<RunningRole> {
  const { port, agent, notifier, standbys, upgrade } = resolved.settings
  if (name === 'worker') {
    const run = claimIfPossible(parts, workersFolder(context.env))
    return startWorkerProcess(parts, { port, standbys, upgrade, run })
  }
  if (name === 'projector') {
    const redis = redisOptionsOf(resolved)
    const run = claim(runFolder(context.env))
    return startProjectorProcess(parts, { port, run, redis })
  }
  if (name === 'notifier') {
    if (notifier === null) throw noNotifier()
    const say = (line: string): void => context.terminal.out(line)
    return startNotifierProcess(parts, { settings: notifier, port, say })
  }
  if (agent === null) throw noAgent()
  return startAgentProcess(parts, { settings: agent, port })
}

function claim(folder: string): Run {
  liveRuns(folder)
  return claimRun(folder, Date.now(), null)
}

/** A worker does its work without, on a file system that takes nothing for one. */
function claimIfPossible({ instruments }: ProcessParts, folder: string): Run | null {
  try {
    return claim(folder)
  } catch (error) {
    if (!(error instanceof HsError)) throw error
    const detail = `${error.message}; \`healstream tasks\` cannot ask this worker`
    instruments.emit('process_notice', { code: 'no_run_file', detail })
    return null
  }
}

interface Supervised {
  readonly role: RunningRole
  readonly name: RoleName
  readonly signal: AbortSignal
}

async function supervise(
  { instruments }: ProcessParts,
  { role, name, signal }: Supervised,
): Promise<ExitCode> {
  instruments.emit('process_listening', { role: name, url: role.url, pid: process.pid })
  const failure = await untilInterrupted(role.fatal, signal)
  const detail = failure === null ? 'asked to' : failure.code
  instruments.emit('process_stopping', { role: name, detail })
  const isStopped = await withinLimit(role.stop())
  if (failure !== null) {
    const { code, message: reason, fix } = failure
    instruments.emit('process_failed', { role: name, code, reason, fix })
    if (isStopped) throw failure
  }
  const code = failure?.exit ?? EXIT.ok
  if (!isStopped) {
    const reason = `it did not stop within ${STOP_MS / 1_000} s and is ended now`
    instruments.emit('process_notice', { code: 'slow_stop', detail: reason })
    process.exit(code)
  }
  return code
}
