// Every scripted fault on real brokers, with workers and agents as processes: the six of CI, all of
// them with HEALSTREAM_TEST_FULL=true. One script: `npx vitest run --project faults -t 'F13 '`.
import { afterAll, beforeAll, test } from 'vitest'
import { killChildren } from '../nemesis/child.ts'
import { isFull } from '../support/full.ts'
import { startKafka, type TestKafka } from '../support/kafka/cluster.ts'
import { LISTED } from './list.ts'
import { Scene } from './scene.ts'
import { type FaultScript, isScript } from './script.ts'

let kafka: TestKafka
beforeAll(async () => {
  kafka = await startKafka({ nodes: 3 })
  return () => kafka.stop()
})
afterAll(killChildren)

const SCRIPTS = LISTED.flatMap(({ fault }) => (isScript(fault) ? [fault] : []))

const WANTED = SCRIPTS.filter(({ inCi }) => isFull || inCi === true)
const BESIDE = WANTED.filter(({ beside }) => beside === true)
const ALONE = WANTED.filter(({ beside }) => beside !== true)

async function play(script: FaultScript): Promise<void> {
  const scene = new Scene(script.id, kafka)
  let isFine = false
  try {
    await script.run(scene)
    isFine = true
  } finally {
    await scene.close(isFine)
    if (!isFine) process.stderr.write(`${script.id}: kept ${scene.folder}\n`)
  }
}

const nameOf = ({ id, title, expected }: FaultScript): string => `${id} ${title}: ${expected}`

for (const script of BESIDE) test.concurrent(nameOf(script), () => play(script))
for (const script of ALONE) test(nameOf(script), () => play(script))
