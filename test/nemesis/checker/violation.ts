// What a check found. The names of checks are Jepsen's where Jepsen has the same one, else the
// number of the invariant.
export type CheckName =
  | 'I1 lost-write'
  | 'I1 unseen'
  | 'I2 input-order'
  | 'I2 input-changed'
  | 'I3 outputs'
  | 'I4 epochs'
  | 'I5 state'
  | 'I8 replay'
  | 'I12 applied-twice'
  | 'chain'
  | 'snapshot'
  | 'duplicate'
  | 'G1a'
  | 'G1c'
  | 'precommitted-read'
  | 'inconsistent-offsets'
  | 'poll-skip'
  | 'nonmonotonic-poll'
  | 'nonmonotonic-send'
  | 'failed-write-visible'
  | 'damaged'

export const CHECKS: readonly CheckName[] = [
  'I1 lost-write',
  'I1 unseen',
  'I2 input-order',
  'I2 input-changed',
  'I3 outputs',
  'I4 epochs',
  'I5 state',
  'I8 replay',
  'I12 applied-twice',
  'chain',
  'snapshot',
  'duplicate',
  'G1a',
  'G1c',
  'precommitted-read',
  'inconsistent-offsets',
  'poll-skip',
  'nonmonotonic-poll',
  'nonmonotonic-send',
  'failed-write-visible',
  'damaged',
]

export interface Violation {
  readonly check: CheckName
  /** Topic, partition and offset, or the task. */
  readonly place: string
  readonly what: string
}
