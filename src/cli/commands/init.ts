// `healstream init`: once per cluster, creates the topics and writes the genesis of every task.
import { connect, show } from '../context.ts'
import type { Context, ReadFlags } from '../context.ts'

interface InitAnswer {
  readonly cluster_id: string
  readonly created: boolean
}

export async function init(context: Context, flags: ReadFlags): Promise<void> {
  const answer = await connect(context, flags).post<InitAnswer>('/v1/init', {})
  show(context, flags.output, {
    value: answer,
    lines: () => [
      answer.created
        ? `cluster ${answer.cluster_id} is set up; the worker starts now`
        : `cluster ${answer.cluster_id} was set up before; nothing was changed`,
    ],
    next: ['get services'],
  })
}
