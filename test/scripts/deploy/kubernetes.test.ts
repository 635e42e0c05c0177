// The template of a service's probes: readiness is the profile `isolate`, liveness the profile
// `conservative`, and they ask different things (S3-37, S4-24, C-21).
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { type ProbeProfile, PROFILES } from '../../../src/runtime/agent/probe.ts'
import { ROOT } from '../../support/deploy/compose.ts'

const asProbe = ({ initialDelayMs, periodMs, timeoutMs, failures }: ProbeProfile): object => ({
  initialDelaySeconds: initialDelayMs / 1_000,
  periodSeconds: periodMs / 1_000,
  timeoutSeconds: timeoutMs / 1_000,
  failureThreshold: failures,
})

test('readiness is the profile isolate; liveness is another check, and slower', () => {
  const text = readFileSync(`${ROOT}deploy/kubernetes/service-probes.yaml`, 'utf8')
  const [container] = parse(text).spec.template.spec.containers
  const { httpGet: ready, ...readiness } = container.readinessProbe
  const { httpGet: live, ...liveness } = container.livenessProbe
  expect(readiness).toEqual(asProbe(PROFILES.isolate))
  expect(liveness).toEqual(asProbe(PROFILES.conservative))
  expect(live.path).not.toBe(ready.path)
})
