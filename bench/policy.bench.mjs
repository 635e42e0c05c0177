// `policy`: share of one core that deciding takes when 200 policies look at 10,000 instances, all
// of which have changed each second: `decide` of the core, whole (policies, incidents, guards of
// those that are ill). Ruler: every clause of every policy asked of every instance, one after the
// other.
import { createHash } from 'node:crypto'
import { decide, evolvePolicy, initialHealing } from '../dist/core/decision/healing.js'
import { compileTrigger } from '../dist/core/decision/expression.js'
import { InstanceValues, ServiceValues } from '../dist/core/decision/fact-values.js'
import { BEHAVIOUR_LATEST } from '../dist/core/kernel/behaviour.js'
import { random, round } from './figures.mjs'
import { factsOf, fleetOf, policyRecord, TRIGGERS } from './policy-load.mjs'
import { cpuMs } from './windows-load.mjs'

const SECONDS = 10
/** The ruler takes so long that it gets a part of the fleet, and its figure is multiplied. */
const RULER_PART = 20
/** Share of a core that deciding may take, percent. */
const PERCENT_MAX = 10

/** @typedef {import('../dist/core/kernel/facts.js').Facts} Facts */

function healing() {
  const state = initialHealing({
    clusterId: 'cluster-a',
    taskId: 's0',
    partition: 0,
    partitionCount: 1,
    behaviour: BEHAVIOUR_LATEST,
    scale: 4,
    sha256: (bytes) => new Uint8Array(createHash('sha256').update(bytes).digest()),
    decoder: { decode: () => ({ ok: false, reason: 'garbage' }) },
  })
  for (const [i, trigger] of TRIGGERS.entries()) {
    const record = /** @type {any} */ (policyRecord(trigger, i))
    evolvePolicy(state, record, 0)
  }
  if (state.notices.length > 0) throw new Error(state.notices[0]?.said.summary)
  return state
}

/** Percent of a core of so many seconds. @param {(second: number) => void} each */
function percent(each) {
  let spent = 0
  for (let i = 0; i < SECONDS; i++) {
    const start = cpuMs()
    each(i)
    spent += cpuMs() - start
  }
  return spent / SECONDS / 10
}

/** @typedef {import('../dist/core/decision/trigger.js').Trigger} Trigger */

/** @param {Facts} facts @param {readonly Trigger[]} all */
function askAll({ services }, all) {
  let holding = 0
  for (const service of services) {
    const values = new ServiceValues(service)
    for (const instance of service.instances) {
      const own = new InstanceValues(instance, values)
      for (const { clauses } of all) if (clauses.every((one) => one.holds(own))) holding++
    }
  }
  return holding
}

/** @param {import('./run.mjs').How} how */
async function open({ quick, seed }) {
  const instances = quick ? 1_000 : 10_000
  const fleet = fleetOf(random(seed), instances)
  const few = fleet.slice(0, Math.max(1, Math.floor(fleet.length / RULER_PART)))
  const state = healing()
  const triggers = TRIGGERS.map((text) => {
    const compiled = compileTrigger(text)
    if (!compiled.ok) throw new Error(`${text}: ${compiled.problem.message}`)
    return compiled.trigger
  })
  let second = 1
  let open = 0
  const subject = () =>
    percent(() => {
      const facts = factsOf(fleet, second++)
      decide(state, facts)
      open = state.incidents.size
    })
  const ruler = () => {
    let holding = 0
    const part = percent(() => {
      holding += askAll(factsOf(few, second), triggers)
    })
    if (holding === 0) throw new Error('no policy holds')
    return (part * fleet.length) / few.length
  }
  /** @type {number[]} */
  const figures = []
  return {
    /** @param {string} who */
    measure: (who) => {
      const figure = who === 'subject' ? subject() : ruler()
      if (who === 'subject') figures.push(figure)
      return figure
    },
    raw: () => ({
      instances,
      policies: TRIGGERS.length,
      evaluationsPerSecond: instances * TRIGGERS.length,
      percentOfCoreMax: PERCENT_MAX,
      percentOfCoreWorst: round(Math.max(...figures.slice(1))),
      incidentsOpen: open,
    }),
  }
}

/** @type {import('./run.mjs').Bench} */
export const bench = {
  unit: '% of a core',
  rulers: ['all-asked'],
  smallerIsBetter: true,
  open,
}
