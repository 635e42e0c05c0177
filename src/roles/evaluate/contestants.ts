// The detectors of the core that take part in the contest, with the parameters they have by
// default. The first one is the one that has to win.
import { AdaptiveLoad } from '../../core/signal/adaptive-load.ts'
import { Adaptive } from '../../core/signal/adaptive.ts'
import { Ewma3s } from '../../core/signal/ewma3s.ts'
import { MedianMad } from '../../core/signal/median-mad.ts'
import { Seasonal } from '../../core/signal/seasonal.ts'
import { type Contestant, INDICATORS } from './detectors.ts'

/** Fewer failed requests than this share never deviate (S0-22: a hard floor). */
const ERRORS_FLOOR = 0.01

export const CONTESTANTS: readonly Contestant[] = [
  {
    name: 'adaptive_load',
    of: ['latency'],
    start: () => {
      const detector = new AdaptiveLoad()
      return ({ value, requests }) => detector.push(value, requests).deviates
    },
  },
  {
    name: 'adaptive',
    of: INDICATORS,
    start: (indicator) => {
      const detector = new Adaptive(indicator === 'errors' ? { floor: ERRORS_FLOOR } : {})
      return ({ value }) => detector.push(value).deviates
    },
  },
  {
    name: 'ewma3s',
    of: INDICATORS,
    start: () => {
      const detector = new Ewma3s()
      return ({ value }) => detector.push(value).deviates
    },
  },
  {
    name: 'median_mad',
    of: INDICATORS,
    start: () => {
      const detector = new MedianMad()
      return ({ value }) => detector.push(value).deviates
    },
  },
  {
    name: 'seasonal',
    of: INDICATORS,
    start: () => {
      const detector = new Seasonal()
      return ({ value, atMs }) => detector.push(value, atMs).deviates
    },
  },
]
