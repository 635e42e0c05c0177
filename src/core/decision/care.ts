// What the guards of behaviour 3 remember between steps, in one place: crowds, approvals, the
// task's own rhythm. Under older behaviours it stays as it was born, and no image has it.
import { FORM_JUDGEMENT, type ImageReader, type ImageWriter } from '../kernel/image.ts'
import { type Approvals, loadApprovals, newApprovals, saveApprovals } from './approvals.ts'
import type { Crowds } from './crowd.ts'
import { loadCrowds, saveCrowds } from './crowd-image.ts'
import { loadRhythm, newRhythm, type Rhythm, saveRhythm } from './doubt.ts'

export interface Care {
  readonly crowds: Crowds
  readonly approvals: Approvals
  readonly rhythm: Rhythm
}

export function newCare(): Care {
  return { crowds: new Map(), approvals: newApprovals(), rhythm: newRhythm() }
}

export function saveCare({ crowds, approvals, rhythm }: Care, to: ImageWriter): void {
  if (to.form < FORM_JUDGEMENT) return
  saveCrowds(crowds, to)
  saveApprovals(approvals, to)
  saveRhythm(rhythm, to)
}

/** An image of an older form has none. */
export function loadCare(from: ImageReader): Care {
  if (from.form < FORM_JUDGEMENT) return newCare()
  return {
    crowds: loadCrowds(from),
    approvals: loadApprovals(from),
    rhythm: loadRhythm(from),
  }
}
