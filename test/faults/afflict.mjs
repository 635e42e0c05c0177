// Loaded into a worker before its own code (`node --import`): what it suffers when it is sent
// SIGUSR2, by HEALSTREAM_TEST_AFFLICT: `hang MS`: its main loop stands still for so long; `leak`:
// it holds on to more and more memory until there is none.
import { isMainThread } from 'node:worker_threads'

const [what, ms] = (process.env.HEALSTREAM_TEST_AFFLICT ?? '').split(' ')
const held = []

function hang() {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(ms))
}

function leak() {
  held.push(Array.from({ length: 200_000 }, (_, i) => i + Math.random()))
  setTimeout(leak, 50)
}

if (isMainThread) process.on('SIGUSR2', what === 'hang' ? hang : leak)
