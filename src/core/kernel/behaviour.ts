// Numbered behaviours. A change in judgement takes the next number and keeps the old branch, so
// that old journals replay as they were; the number in force is part of the journal (genesis,
// upgrade).

/**
 * 1 — first judgement. Inferred evidence acts after its settle time without a pulse of the fleet
 * task, because there is no fleet task yet; from the behaviour that brings it on, such evidence
 * needs a pulse (DESIGN.md section 5).
 */
export const BEHAVIOUR_FIRST = 1
/** The newest behaviour this build knows. */
export const BEHAVIOUR_LATEST = 1

export function knowsBehaviour(behaviour: number): boolean {
  return behaviour >= BEHAVIOUR_FIRST && behaviour <= BEHAVIOUR_LATEST
}
