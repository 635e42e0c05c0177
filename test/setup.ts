// Set-up of every test project: HEALSTREAM_TEST_RUNS raises the number of runs of property tests
// that do not name their own (used by `./scripts/test --full`).
import fc from 'fast-check'

const runs = Number(process.env['HEALSTREAM_TEST_RUNS'] ?? '')
if (Number.isInteger(runs) && runs > 0)
  fc.configureGlobal({ ...fc.readConfigureGlobal(), numRuns: runs })
