// Loaded before a worker (`node --import`): its wall clock is the host's until a file says by how
// many milliseconds it is off, and again when the file is gone; the monotonic clock goes on as it
// was. In every thread of the process.
import { readFileSync } from 'node:fs'

const file = process.env['HEALSTREAM_TEST_CLOCK'] ?? ''
const real = Date.now.bind(Date)
const RealDate = Date
const LOOK_MS = 100
let lookedMs = 0
let aheadMs = 0

function now() {
  const nowMs = real()
  if (nowMs - lookedMs >= LOOK_MS) {
    lookedMs = nowMs
    try {
      aheadMs = Number(readFileSync(file, 'utf8'))
    } catch {
      aheadMs = 0
    }
  }
  return nowMs + aheadMs
}

globalThis.Date = class extends RealDate {
  constructor(...given) {
    if (given.length === 0) super(now())
    else super(...given)
  }

  static now() {
    return now()
  }
}
