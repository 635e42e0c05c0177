// The main loop's side of a member, with threads that end, hang and lie. The real thread runs
// against real Kafka in test/kafka/member.test.ts.
import { Worker } from 'node:worker_threads'
import { afterEach, expect, test } from 'vitest'
import { type MemberDesk, ThreadMembership } from '../../../src/adapters/kafka/member.ts'
import { Beat, BEAT_MS, Proof } from '../../../src/adapters/kafka/member-link.ts'
import { owning } from '../../support/shares.ts'
import { deferred } from '../../support/deferred.ts'

const ASSIGNED = `{ kind: 'assigned', generation: 1, memberId: 'm', tasks: [1, 2] }`

const opened: ThreadMembership[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((membership) => membership.leave()))
})

interface Player {
  readonly membership: ThreadMembership
  readonly worker: Worker
  readonly beat: Beat
  readonly proof: Proof
  readonly closed: Promise<void>
}

/** A member whose thread runs this code, with `port`, `tell(event)` and `beat` (its memory). */
function member(code: string, desk: Partial<MemberDesk> = {}): Player {
  const beat = new Beat()
  const proof = new Proof()
  const prelude = `
    const { parentPort: port, workerData: beat } = require('node:worker_threads')
    const tell = (event) => port.postMessage({ kind: 'event', event })
    `
  const worker = new Worker(prelude + code, { eval: true, workerData: beat.memory })
  const closed = deferred()
  const membership = new ThreadMembership({
    worker,
    beat,
    proof,
    desk: {
      assign: () => new Map(),
      metadata: () => new Uint8Array(0),
      secret: () => Promise.resolve(''),
      ...desk,
    },
    onClosed: closed.resolve,
  })
  opened.push(membership)
  return { membership, worker, beat, proof, closed: closed.promise }
}

function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

test.each([
  ['throws', `throw new Error('out of memory')`, /out of memory/],
  ['exits', `process.exit(7)`, /ended with code 7/],
])('a thread that %s: lost, and the reason to whoever asks next', async (_, end, words) => {
  const { membership, closed } = member(`tell(${ASSIGNED}); setTimeout(() => { ${end} }, 20)`)
  expect(await membership.next()).toMatchObject({ kind: 'assigned', tasks: [1, 2] })
  expect(await membership.next()).toMatchObject({ kind: 'lost' })
  const failure = { code: 'MEMBER_LOST', message: expect.stringMatching(words) }
  await expect(membership.next()).rejects.toMatchObject(failure)
  await closed
  // Nothing is left to be told; leaving is still allowed.
  await membership.leave()
  await expect(membership.next()).rejects.toMatchObject({ code: 'CLOSED' })
})

test('a thread that never starts owns nothing: no `lost`, only the reason', async () => {
  const { membership, closed } = member(`require('./no-such-file.js')`)
  await expect(membership.next()).rejects.toMatchObject({ code: 'MEMBER_LOST' })
  await closed
})

test('a failure of the group keeps its code, and the thread is ended', async () => {
  const { membership, closed } = member(`
    port.postMessage({ kind: 'failed', code: 'NOT_AUTHORIZED', message: 'allow READ' })
    port.postMessage({ kind: 'left' })
    setInterval(() => {}, 1000)`)
  const failure = { code: 'NOT_AUTHORIZED', message: 'allow READ' }
  await expect(membership.next()).rejects.toMatchObject(failure)
  await closed
})

test.each([
  ['does not answer', `setInterval(() => {}, 1000)`],
  ['stands still', `port.on('message', () => { for (;;); }); tell(${ASSIGNED})`],
])('leave() of a thread that %s takes a second, and leaves no thread', async (_, code) => {
  const { membership, closed } = member(code)
  const next = membership.next().then(() => membership.next())
  const failed = next.catch((error: unknown) => error)
  await new Promise((resolve) => setTimeout(resolve, 50))
  const startMs = performance.now()
  await Promise.all([membership.leave(), membership.leave()])
  expect(performance.now() - startMs).toBeLessThan(1_500)
  await closed
  expect(await failed).toMatchObject({ code: 'CLOSED' })
})

test('a main loop that stood still is told `lost` before it is given anything again', async () => {
  const { membership } = member(`
    tell(${ASSIGNED})
    setTimeout(() => {
      tell({ kind: 'lost', reason: 'stood still' })
      tell({ ...${ASSIGNED}, generation: 2 })
    }, 20)`)
  await membership.next()
  block(100)
  expect(await membership.next()).toEqual({ kind: 'lost', reason: 'stood still' })
  expect(await membership.next()).toMatchObject({ kind: 'assigned', generation: 2 })
})

test('what only the main loop knows is asked of it; a function that throws is told', async () => {
  const code = `
    const ask = (id, question) => port.postMessage({ kind: 'question', id, question })
    ask(1, { kind: 'metadata' })
    ask(2, { kind: 'assign', members: [{ memberId: 'm', metadata: Uint8Array.of(5) }] })
    ask(3, { kind: 'secret' })
    const said = []
    port.on('message', (message) => {
      said.push(message)
      if (said.length === 3) tell({ kind: 'lost', reason: JSON.stringify(said) })
    })`
  const { membership } = member(code, {
    metadata: () => {
      throw new Error('not now')
    },
    assign: (members) => new Map(members.map((m) => [m.memberId, owning([...m.metadata])])),
    secret: () => Promise.resolve('s3cret'),
  })
  const event = await membership.next()
  const said: unknown = JSON.parse(event.kind === 'lost' ? event.reason : '')
  expect(said).toEqual([
    {
      kind: 'answer',
      id: 1,
      answer: { kind: 'thrown', message: 'no metadata for the group: not now' },
    },
    { kind: 'answer', id: 2, answer: { kind: 'assign', assignment: expect.anything() } },
    { kind: 'answer', id: 3, answer: { kind: 'secret', secret: 's3cret' } },
  ])
})

test('the other thread sees whether the main loop lives, stands still or is back', async () => {
  const { beat } = member(`port.on('message', () => {})`)
  const seen = new Beat(beat.memory)
  await new Promise((resolve) => setTimeout(resolve, 2 * BEAT_MS))
  expect(seen.lateMs()).toBeLessThan(BEAT_MS)
  block(2 * BEAT_MS)
  expect(seen.lateMs()).toBeGreaterThan(BEAT_MS / 2)
  await new Promise((resolve) => setTimeout(resolve, BEAT_MS / 2))
  expect(seen.lateMs()).toBe(0)
})

test('ownership is proven as the thread writes it, and no longer once it has lost it', async () => {
  // Story: a process that had stood still went on with a step and its commit before it came to read
  // that its tasks were lost.
  const { membership, proof } = member(`port.on('message', () => {}); tell(${ASSIGNED})`)
  // A thread may take its time to begin.
  proof.proven(60_000)
  expect(membership.provenForMs()).toBe(0)
  await membership.next()
  expect(membership.provenForMs()).toBeGreaterThan(500)
  proof.proven(60)
  block(100)
  expect(membership.provenForMs()).toBeLessThanOrEqual(0)
  // Lost and proven again before anything is read: what runs here is still of the time before.
  proof.lost()
  proof.proven(1_000)
  expect(membership.provenForMs()).toBe(0)
})
