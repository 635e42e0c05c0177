// Breaks one instance for real: its process is killed or stopped, or its own fault switch is
// thrown.
import { processStart } from '../../runtime/agent/proc.ts'
import type { Guardian } from './guardian.ts'

export type DemoFault = 'crash' | 'hang' | 'errors' | 'slow'

/** The instance to be broken. */
export interface Victim {
  readonly service: string
  readonly instance: string
  readonly pid: number
  readonly port: number
  /** Token of its agent's intake: the fault switch asks for it. */
  readonly token: string
}

/** What the fault does to whom, for people. */
export function faultText(fault: DemoFault, victim: Victim): string {
  const { instance, pid } = victim
  switch (fault) {
    case 'crash':
      return `kill -9 ${pid}: ${instance} is gone without a word`
    case 'hang':
      return `kill -STOP ${pid}: ${instance} keeps its port and answers nothing`
    case 'errors':
      return `${instance} answers every request with an error, its health check says it is well`
    case 'slow':
      return `${instance} takes 1.5 s for every request, its health check says it is well`
  }
}

/**
 * Host time at which the instance was broken, epoch ms. Errors: when the process is gone already or
 * the switch does not answer.
 */
export async function breakInstance(
  fault: DemoFault,
  victim: Victim,
  guardian: Guardian,
): Promise<number> {
  const at = Date.now()
  if (fault === 'crash') process.kill(victim.pid, 'SIGKILL')
  else if (fault === 'hang') {
    const start = processStart(victim.pid)
    // A stopped process cannot notice that the demo is gone; somebody else must end it then.
    if (start !== null) guardian.watchProcess(victim.pid, start)
    process.kill(victim.pid, 'SIGSTOP')
  } else {
    const answer = await fetch(`http://127.0.0.1:${victim.port}/fault?kind=${fault}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${victim.token}` },
      signal: AbortSignal.timeout(2_000),
    })
    if (!answer.ok) throw new Error(`the fault switch answered ${answer.status}`)
  }
  return at
}
