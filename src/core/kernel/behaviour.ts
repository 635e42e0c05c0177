// Numbered behaviours. A change in judgement takes the next number and keeps the old branch, so
// that old journals replay as they were; the number in force is part of the journal (genesis,
// upgrade).

/**
 * 1 — first judgement. Inferred evidence acts after its settle time without a pulse of the fleet
 * task; hs.health tells the figures of the 60-s window alone.
 *
 * 2 — hs.health tells the figures of all three windows (10, 60 and 300 s); that of 60 s still
 * judges. Inferred evidence needs a pulse of the fleet task, and each command a token of its
 * budget; service tasks tell it what they see (DESIGN.md section 5).
 */
export const BEHAVIOUR_FIRST = 1
/** From here on hs.health tells the figures of all three windows. */
export const BEHAVIOUR_WINDOWS = 2
/** The newest behaviour this build knows. */
export const BEHAVIOUR_LATEST = 2

export function knowsBehaviour(behaviour: number): boolean {
  return behaviour >= BEHAVIOUR_FIRST && behaviour <= BEHAVIOUR_LATEST
}
