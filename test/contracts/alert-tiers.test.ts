// Words of Prometheus and tiers of ours (S0-52, S2-44, C-26).
import { expect, test } from 'vitest'
import {
  SEVERITIES,
  SEVERITY_TIERS,
  TIER_ROUTES,
  TIER_SEVERITIES,
  TIERS,
} from '../../src/contracts/alert-tiers.ts'

test('critical = high, warning = medium, info = low, and back', () => {
  expect(SEVERITIES.map((one) => SEVERITY_TIERS[one])).toEqual(['high', 'medium', 'low'])
  expect(TIERS.map((tier) => SEVERITY_TIERS[TIER_SEVERITIES[tier]])).toEqual(TIERS)
})

test('each tier has a route of its own, and only high pages', () => {
  expect(TIERS.map((tier) => TIER_ROUTES[tier])).toEqual(['page', 'ticket', 'digest'])
})
