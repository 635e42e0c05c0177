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
 *
 * 3 — the whole of judgement (DESIGN.md section 7): named detectors and their fusion, guards across
 * services, plans of several steps, alerts. What it is stands still from the release that has it.
 */
export const BEHAVIOUR_FIRST = 1
/** From here on hs.health tells the figures of all three windows. */
export const BEHAVIOUR_WINDOWS = 2
/** From here on detectors, guards, plans and alerts are the whole of DESIGN.md section 7. */
export const BEHAVIOUR_JUDGEMENT = 3
/** The newest behaviour this build knows. */
export const BEHAVIOUR_LATEST = 3

export function knowsBehaviour(behaviour: number): boolean {
  return behaviour >= BEHAVIOUR_FIRST && behaviour <= BEHAVIOUR_LATEST
}
