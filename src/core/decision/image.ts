// The state of healing in an image: everything that can change a later decision. Compiled triggers,
// resolved limits and the order of policies follow from the documents and are made anew.
import { viewKey } from '../../contracts/view-key.ts'
import { loadHolder } from '../fleet/holder.ts'
import { loadChain, saveChain } from '../incident/audit.ts'
import { loadIncident, saveIncident } from '../incident/incident.ts'
import { assert } from '../kernel/assert.ts'
import { FORM_JUDGEMENT, type ImageReader, type ImageWriter } from '../kernel/image.ts'
import type { CoreContext } from '../kernel/step.ts'
import { loadCare, saveCare } from './care.ts'
import { loadConfigs, saveConfigs } from '../plan/config-versions.ts'
import { loadMarks, saveMarks } from '../plan/marks.ts'
import { loadWanted, saveWanted } from '../plan/scale.ts'
import { loadDocuments, saveDocuments } from './documents.ts'
import { loadHistory, saveHistory } from './history.ts'
import { loadHolds, saveHolds } from './holds.ts'
import { loadOnsets, saveOnsets } from './onsets.ts'
import { loadStreaks, saveStreaks } from './policy.ts'
import type { State } from './state.ts'

/** Between two steps: results and notices end with the step they came in. */
export function saveHealing(state: State, to: ImageWriter): void {
  assert(state.results.length + state.notices.length === 0, 'an image is taken between steps')
  to.int(state.behaviour)
  saveDocuments(state.documents, to)
  saveHolds(state.holds, to)
  saveHistory(state.history, to)
  saveStreaks(state.streaks, to)
  if (to.form >= FORM_JUDGEMENT) saveOnsets(state.onsets, to)
  to.int(state.incidents.size)
  for (const incident of state.incidents.values()) saveIncident(incident, to)
  to.int(state.wellOnce.size)
  for (const [key, incarnation] of state.wellOnce) to.text(key).number(incarnation)
  saveChain(state.chain, to)
  state.fleet.save(to)
  saveCare(state.care, to)
  if (to.form >= FORM_JUDGEMENT) savePlans(state, to)
}

function savePlans({ marks, wanted, configs }: State, to: ImageWriter): void {
  saveMarks(marks, to)
  saveConfigs(configs, to)
  to.int(wanted.size)
  for (const [service, replicas] of wanted) saveWanted(replicas, to.text(service))
}

function loadPlans(from: ImageReader): Pick<State, 'marks' | 'configs' | 'wanted'> {
  if (from.form < FORM_JUDGEMENT) {
    return { marks: new Map(), configs: new Map(), wanted: new Map() }
  }
  return {
    marks: loadMarks(from),
    configs: loadConfigs(from),
    wanted: new Map(from.list(() => [from.text(), loadWanted(from)])),
  }
}

/** Errors: AssertionError for what is no image of healing. */
export function loadHealing(context: CoreContext, from: ImageReader): State {
  return {
    context,
    behaviour: from.int(),
    documents: loadDocuments(from, context.sha256),
    holds: loadHolds(from),
    history: loadHistory(from),
    streaks: loadStreaks(from),
    onsets: from.form >= FORM_JUDGEMENT ? loadOnsets(from) : new Map(),
    programs: new Map(),
    incidents: new Map(
      from
        .list(() => loadIncident(from))
        .map((incident) => [viewKey(incident.service, incident.instance), incident]),
    ),
    wellOnce: new Map(from.list(() => [from.text(), from.number()])),
    chain: loadChain(from),
    fleet: loadHolder(from),
    care: loadCare(from),
    ...loadPlans(from),
    results: [],
    notices: [],
  }
}
