// What is known of an instance goes through an image of either form; the older one knows no
// profile.
import { expect, test } from 'vitest'
import { DETECTOR_SETTINGS } from '../../../src/contracts/detector-settings.ts'
import { DETECTOR_DEFAULTS } from '../../../src/contracts/limits.ts'
import { instanceId, serviceId } from '../../../src/contracts/ids.ts'
import { newVital, type Vital } from '../../../src/core/health/vital.ts'
import { loadVital, saveVital } from '../../../src/core/health/vital-image.ts'
import {
  FORM_FIRST,
  FORM_JUDGEMENT,
  ImageReader,
  ImageWriter,
} from '../../../src/core/kernel/image.ts'
import { Slots } from '../../../src/core/kernel/slots.ts'

const at = { service: serviceId('shop'), instance: instanceId('shop-1') }
const since = { sinceMs: 5, place: { topic: 'signals', partition: 0, offset: 4 } }

const TUNING = { settings: DETECTOR_SETTINGS, limits: DETECTOR_DEFAULTS }

function full(): Vital {
  const vital = newVital(at, 3, 100)
  vital.periodsMs[0] = 1_000
  vital.failures = { ...since, count: 7 }
  vital.probe = {
    ...since,
    verdict: 'up',
    atMs: 9,
    local: true,
    failures: 0,
    reason: 'ok',
    profile: 'fast',
  }
  vital.refused = since
  vital.exited = { ...since, how: 'code 1' }
  vital.deltaPlace = { topic: 'telemetry', partition: 0, offset: 8 }
  vital.findings.set('silence', {
    detector: 'silence',
    class: 'inferred',
    severity: 'note',
    sinceMs: 1,
    value: 2,
    limit: 3,
    unit: 'ms',
    text: 'nothing heard',
    place: null,
  })
  vital.health = 'unstable'
  vital.calmSinceMs = 55
  vital.wasWell = false
  vital.flipsMs.push(1, 2)
  return vital
}

function through(vital: Vital, form: number): Vital {
  const to = new ImageWriter(form)
  saveVital(vital, to)
  const from = new ImageReader(Buffer.concat(to.pieces()))
  from.form = form
  const read = loadVital(at, from, { slots: new Slots(), slot: 0 }, () => TUNING)
  from.end()
  return read
}

test('form 3 holds all of it', () => {
  expect(through(full(), FORM_JUDGEMENT)).toEqual(full())
  expect(through(newVital(at, 1, 0), FORM_JUDGEMENT)).toEqual(newVital(at, 1, 0))
})

test('form 2 holds no profile', () => {
  const vital = full()
  if (vital.probe !== null) vital.probe = { ...vital.probe, profile: '' }
  expect(through(full(), FORM_FIRST)).toEqual(vital)
})
