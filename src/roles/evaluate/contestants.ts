// The detectors of the core that take part in the contest, with the parameters they have by
// default. The first one is the one that has to win.
import { Adaptive } from '../../core/signal/adaptive.ts'
import { Ewma3s } from '../../core/signal/ewma3s.ts'
import { MedianMad } from '../../core/signal/median-mad.ts'
import { Seasonal } from '../../core/signal/seasonal.ts'
import type { Contestant } from './detectors.ts'

export const ADAPTIVE: Contestant = {
  name: 'adaptive',
  start: () => {
    const detector = new Adaptive()
    return ({ value }) => detector.push(value).deviates
  },
}

export const CONTESTANTS: readonly Contestant[] = [
  ADAPTIVE,
  {
    name: 'ewma3s',
    start: () => {
      const detector = new Ewma3s()
      return ({ value }) => detector.push(value).deviates
    },
  },
  {
    name: 'median_mad',
    start: () => {
      const detector = new MedianMad()
      return ({ value }) => detector.push(value).deviates
    },
  },
  {
    name: 'seasonal',
    start: () => {
      const detector = new Seasonal()
      return ({ value, atMs }) => detector.push(value, atMs).deviates
    },
  },
]
