// DetectorSet: what counts as a deviation, by service.
import * as z from 'zod'
import { type DetectorOverrides, detectorOverrides } from './detector-settings.ts'
import { DETECTOR_DEFAULTS, type DetectorLimits } from './limits.ts'
import { apiVersion, type Common, count, given, headOf } from './policy-fields.ts'
import { type Kind, kindOf, match, metadata, ms, share, us } from './policy-fields.ts'

export interface DetectorSet extends Common {
  readonly kind: 'DetectorSet'
  readonly limits: Partial<DetectorLimits>
  /** By detector; empty: the defaults of all. */
  readonly detectors: DetectorOverrides
}

const detectorLimits = {
  successRateMin: share.optional(),
  successRateRecovered: share.optional(),
  latencyP99MaxUs: us.optional(),
  latencyP99RecoveredUs: us.optional(),
  samplesMin: count.optional(),
  consecutiveFailuresMax: count.optional(),
  silenceAfterMs: ms.optional(),
  settleMs: ms.optional(),
  dwellMs: ms.optional(),
  recoverMs: ms.optional(),
  slowStartMs: ms.optional(),
  probesGoodMin: count.optional(),
  registrationsPerS: count.optional(),
}
const detectorSet = z.strictObject({
  apiVersion,
  kind: z.literal('DetectorSet'),
  metadata,
  spec: z
    .strictObject({ match, ...detectorLimits, detectors: detectorOverrides.optional() })
    .superRefine((spec, context) => {
      const whole = { ...DETECTOR_DEFAULTS, ...given(spec) }
      const swapped = [
        whole.successRateRecovered < whole.successRateMin
          ? (['successRateRecovered', 'at least successRateMin'] as const)
          : null,
        whole.latencyP99RecoveredUs > whole.latencyP99MaxUs
          ? (['latencyP99RecoveredUs', 'at most latencyP99MaxUs'] as const)
          : null,
      ]
      for (const pair of swapped) {
        if (pair === null) continue
        const message = `${pair[1]}, the defaults counted in`
        context.addIssue({ code: 'custom', path: [pair[0]], message })
      }
    }),
})

export const DETECTOR_SET: Kind<DetectorSet> = kindOf(detectorSet, (data) => {
  const { match: selector, detectors = {}, ...limits } = data.spec
  return { kind: 'DetectorSet', ...headOf(data), ...selector, limits: given(limits), detectors }
})
