// What judging and telling must know of every instance at every step, as bits of one word of its
// slot, so that those of whom nothing is new are passed over without a look at anything else.

/** Something happened since the last judgement. */
export const DIRTY = 1
/** It is among those to be looked at in this step. */
export const TOUCHED = 2
/** More than its counts may have changed since it was last judged. */
export const MOVED = 4
/** `isCalm`, at the last full judgement. */
export const CALM = 8
/** Its requests have failed in a row since, or its health was not known then. */
export const FAILING = 16
export const UNKNOWN = 32
/** There are facts of it. */
export const JUDGED = 64
/** Its agent was heard within its limit, at the last judgement. */
export const HEARD = 128
/** A pane that leaves the window could change its verdict. */
export const HANGS = 256
/** The last decision attends to it: an incident is open, or a trigger holds. */
export const ATTENDED = 512
/** It was told. */
export const TOLD = 1_024
/** More than its figures may have changed since it was last told. */
export const UNTOLD = 2_048
/** New figures of it wait already. */
export const WAITING = 4_096
/** Its clock was not believed when it was told. */
export const TOLD_SKEWED = 8_192
/** What it tells of itself beside its requests is newer than the last decision. */
export const SENSED = 16_384
/** It has changed of late, as of the last full judgement; from BEHAVIOUR_JUDGEMENT on. */
export const FLIPPED = 32_768
