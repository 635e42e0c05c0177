// Named internal events: the only way to a log line or a metric. One table says for each event its
// level, its sentence and its metrics, so that names stay bounded and complete (style: Vector's
// instrumentation spec).
import type { EventSpec, MetricSpec } from './event-spec.ts'
import { NOTICE_EVENTS, type NoticeEventKind } from './notice-events.ts'

export type EventKind =
  | 'process_started'
  | 'process_stopping'
  | 'process_listening'
  | 'process_notice'
  | 'process_failed'
  | 'task_state'
  | 'task_step'
  | 'task_commit'
  | 'task_lag'
  | 'commit_in_doubt'
  | 'task_restoring'
  | 'task_restored'
  | 'snapshot_written'
  | 'snapshot_refused'
  | 'standby_failed'
  | 'standby_diverged'
  | 'task_suspended'
  | 'task_failed'
  | 'task_stopped'
  | 'read_failed'
  | 'record_refused'
  | 'poison_skipped'
  | 'group_assigned'
  | 'group_lost'
  | 'views_folded'
  | 'views_lag'
  | 'views_age'
  | 'views_rebuilt'
  | 'views_failed'
  | 'agent_module_failed'
  | 'agent_send_failed'
  | 'agent_notice'
  | 'agent_command'
  | 'agent_intake_refused'
  | 'agent_metric_refused'
  | NoticeEventKind

export type EventFields = Readonly<Record<string, string | number | boolean | null>>

export interface Instruments {
  emit(kind: EventKind, fields: EventFields): void
}

/** For tests and tools: says nothing. */
export const SILENT: Instruments = { emit: () => undefined }

const STATE_METRIC: MetricSpec = {
  name: 'task_transitions_total',
  kind: 'counter',
  help: 'Changes of a task from one state to another.',
  labels: ['from', 'to'],
}

const SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10]

export const EVENTS: Readonly<Record<EventKind, EventSpec>> = {
  process_started: { level: 'info', text: '{role} started: {detail}' },
  process_stopping: { level: 'info', text: '{role} stops: {detail}' },
  process_listening: { level: 'info', text: '{role} answers at {url}' },
  process_notice: { level: 'warn', text: '{code}: {detail}' },
  process_failed: { level: 'error', text: '{role} ends: {code}: {reason}; {fix}' },
  task_state: { level: 'info', text: 'task {task}: {from} -> {to}', metrics: [STATE_METRIC] },
  task_step: {
    level: 'debug',
    text: 'task {task}: step {seq} over {records} records',
    metrics: [
      { name: 'steps_total', kind: 'counter', help: 'Steps of all tasks.' },
      {
        name: 'records_total',
        kind: 'counter',
        help: 'Input records of all tasks.',
        value: 'records',
      },
    ],
  },
  task_commit: {
    level: 'debug',
    text: 'task {task}: committed {records} records in {ms} ms',
    metrics: [
      {
        name: 'commit_seconds',
        kind: 'histogram',
        help: 'Time from the request of a commit to its answer, s.',
        value: 'seconds',
        buckets: SECONDS,
      },
    ],
  },
  task_lag: {
    level: 'debug',
    text: 'task {task}: {topic}-{partition} is {records} records ahead',
    metrics: [
      {
        name: 'consumer_lag_records',
        kind: 'gauge',
        help: 'Offsets between the visible end of an input and what its task has stepped.',
        labels: ['consumergroup', 'topic', 'partition'],
        value: 'records',
      },
    ],
  },
  commit_in_doubt: {
    level: 'warn',
    text: 'task {task}: it is not known whether a commit happened; the journal will say',
    metrics: [
      {
        name: 'commits_in_doubt_total',
        kind: 'counter',
        help: 'Commits without an answer, whose end the journal told.',
      },
    ],
  },
  task_restored: {
    level: 'info',
    text: 'task {task}: restored to step {steps} in {ms} ms, {tail} steps replayed, warm {warm}',
    metrics: [
      {
        name: 'restore_seconds',
        kind: 'histogram',
        help: 'Time from the fence to the restored state, s.',
        value: 'seconds',
        buckets: [0.01, 0.05, 0.1, 0.3, 1, 2, 3, 5, 10, 30, 60, 300],
      },
      {
        name: 'restore_progress_ratio',
        kind: 'gauge',
        help: 'How far the restore of a task has come that was told of last, 0 to 1.',
        value: 'ratio',
      },
    ],
  },
  task_restoring: {
    level: 'info',
    text: 'task {task}: restoring, {percent} % (at {offset} of {end}), {left_s} s left',
    metrics: [
      {
        name: 'restore_progress_ratio',
        kind: 'gauge',
        help: 'How far the restore of a task has come that was told of last, 0 to 1.',
        value: 'ratio',
      },
    ],
  },
  snapshot_written: {
    level: 'info',
    text: 'task {task}: {kind} of step {step} at {offset}: {bytes} bytes, {parts} parts, {ms} ms',
    metrics: [
      {
        name: 'snapshots_total',
        kind: 'counter',
        help: 'Snapshots and checkpoints written.',
        labels: ['kind'],
      },
      {
        name: 'snapshot_bytes_total',
        kind: 'counter',
        help: 'Bytes of snapshots and checkpoints written.',
        labels: ['kind'],
        value: 'bytes',
      },
    ],
  },
  snapshot_refused: {
    level: 'warn',
    text: 'task {task}: snapshot at {topic}-{partition}@{offset} refused, {reason}: {detail}',
    metrics: [
      {
        name: 'snapshots_refused_total',
        kind: 'counter',
        help: 'Snapshots that a restore could not use.',
        labels: ['reason'],
      },
    ],
  },
  standby_failed: {
    level: 'warn',
    text: 'standby of task {task} begins again: {reason}',
    metrics: [
      { name: 'standby_failures_total', kind: 'counter', help: 'Standbys that began again.' },
    ],
  },
  standby_diverged: {
    level: 'error',
    text: 'standby of task {task} came to another state than its owner: {reason}',
    metrics: [
      {
        name: 'standby_divergences_total',
        kind: 'counter',
        help: 'Standbys whose state differed from what the journal records.',
      },
    ],
  },
  task_suspended: { level: 'error', text: 'task {task} suspends itself: {reason}' },
  task_failed: {
    level: 'warn',
    text: 'task {task}: {reason}; {reaction}',
    metrics: [
      {
        name: 'task_failures_total',
        kind: 'counter',
        help: 'Failures of a running or opening task, by what is done about them.',
        labels: ['reaction'],
      },
    ],
  },
  task_stopped: { level: 'error', text: 'task {task} stopped: {reason}' },
  read_failed: {
    level: 'warn',
    text: 'the log cannot be read, asking again: {reason}',
    metrics: [
      { name: 'read_failures_total', kind: 'counter', help: 'Polls that brought an error.' },
    ],
  },
  record_refused: {
    level: 'warn',
    text: '{topic}-{partition}@{offset} refused: {reason}',
    metrics: [
      {
        name: 'dead_letters_total',
        kind: 'counter',
        help: 'Records refused.',
        labels: ['topic', 'reason'],
      },
    ],
  },
  poison_skipped: {
    level: 'error',
    text: 'task {task}: skipped {topic}-{partition}@{offset}: {reason}',
  },
  group_assigned: {
    level: 'info',
    text: 'generation {generation}: owns {tasks}, follows {standby}',
  },
  group_lost: { level: 'warn', text: 'ownership cannot be proven: {reason}' },
  views_folded: {
    level: 'debug',
    text: 'views in {store}: {records} records folded',
    metrics: [
      {
        name: 'views_records_total',
        kind: 'counter',
        help: 'Records folded into views.',
        labels: ['store'],
        value: 'records',
      },
    ],
  },
  views_lag: {
    level: 'debug',
    text: 'views in {store}: partition {partition} is {seconds} s behind',
    metrics: [
      {
        name: 'views_lag_seconds',
        kind: 'gauge',
        help: 'How far the views of a partition lie behind the log, s.',
        labels: ['store', 'partition'],
        value: 'seconds',
      },
    ],
  },
  views_age: {
    level: 'debug',
    text: 'views in {store}: as of {seconds} s ago',
    metrics: [
      {
        name: 'views_age_seconds',
        kind: 'gauge',
        help: 'Since when the views may lack something, s; it grows while they cannot be kept.',
        labels: ['store'],
        value: 'seconds',
      },
    ],
  },
  views_rebuilt: {
    level: 'info',
    text: 'views in {store}: built from the start of the topics in {seconds} s',
    metrics: [
      {
        name: 'views_rebuild_seconds',
        kind: 'histogram',
        help: 'Time to build the views from the start of the topics, s.',
        labels: ['store'],
        value: 'seconds',
        buckets: [0.1, 0.3, 1, 3, 10, 30, 60, 300],
      },
    ],
  },
  views_failed: {
    level: 'warn',
    text: 'views in {store} cannot be kept at the moment: {code}: {reason}',
    metrics: [
      {
        name: 'views_failures_total',
        kind: 'counter',
        help: 'Failures to read or write views, by what went wrong.',
        labels: ['store', 'code'],
      },
    ],
  },
  agent_module_failed: {
    level: 'error',
    text: 'module {module} failed and is started again: {reason}',
    metrics: [
      {
        name: 'agent_module_restarts_total',
        kind: 'counter',
        help: 'Modules of the agent that failed and were started again.',
        labels: ['module'],
      },
    ],
  },
  agent_send_failed: { level: 'warn', text: '{records} records were not taken: {reason}' },
  agent_notice: { level: 'warn', text: '{code}: {detail}' },
  agent_command: {
    level: 'info',
    text: 'command {command}: {action} of {instance}: {outcome} ({detail})',
    metrics: [
      {
        name: 'agent_commands_total',
        kind: 'counter',
        help: 'Commands answered by the agent.',
        labels: ['action', 'outcome'],
      },
    ],
  },
  agent_intake_refused: {
    level: 'warn',
    text: 'a connection to the intake was closed: {reason}',
    metrics: [
      { name: 'agent_intake_refused_total', kind: 'counter', help: 'Intake connections closed.' },
    ],
  },
  agent_metric_refused: {
    level: 'warn',
    text: 'a metric of {service}/{instance} is refused: {refusal}',
    metrics: [
      {
        name: 'agent_metric_refused_total',
        kind: 'counter',
        help: 'Lines of a service with a metric that cannot be taken.',
      },
    ],
  },
  ...NOTICE_EVENTS,
}
