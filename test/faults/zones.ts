// A program of F47: hours of records through a fresh core, begun shortly before moments at which
// calendars do something odd; says what came out and the state as one line of hashes. Run by one
// process for each time zone.
import { createHash } from 'node:crypto'
import { canonicalJson } from '../../src/contracts/canonical-json.ts'
import { CoreDriver } from '../support/core-driver.ts'
import { Stream } from '../support/stream.ts'

const MOMENTS = [
  // A leap second, the end of a year.
  '2016-12-31T23:50:00Z',
  // A leap day, and the first of March after it.
  '2028-02-28T23:50:00Z',
  '2028-02-29T23:50:00Z',
  // Clocks go ahead in New York, back in London, by half an hour in Lord Howe.
  '2026-03-08T06:50:00Z',
  '2026-10-25T00:50:00Z',
  '2026-04-04T14:50:00Z',
  // Past 2^31 seconds.
  '2038-01-19T03:10:00Z',
]
const STEPS = 250

const hashes: string[] = []
for (const [i, moment] of MOMENTS.entries()) {
  const driver = await CoreDriver.create({ behaviour: 2 })
  driver.nowMs = Date.parse(moment)
  const stream = new Stream(driver, i)
  for (let step = 0; step < STEPS; step++) {
    stream.next()
    driver.step()
  }
  const said = createHash('sha256').update(canonicalJson(driver.written)).digest('hex')
  hashes.push(`${driver.written.length} ${said} ${driver.digest()}`)
}
// The zone is said, so that whoever asked knows that it was in force.
const odd = new Date(Date.parse('2026-07-01T12:00:00Z')).getHours()
process.stdout.write(`${JSON.stringify({ hour: odd, hashes })}\n`)
