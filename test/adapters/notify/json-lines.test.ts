// A file of lines: each key once, whoever was killed within a write.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { createJsonLines } from '../../../src/adapters/notify/json-lines.ts'
import type { Notice } from '../../../src/adapters/notify/sink.ts'
import { anEnd } from '../../roles/notifier/records.ts'

const folder = mkdtempSync(join(tmpdir(), 'healstream-lines-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const { signal } = new AbortController()
const outcome = (id: string): Notice => {
  return { kind: 'outcome', key: `${id}.healed`, outcome: 'healed', event: anEnd(id) }
}

test('a line for each key, once', async () => {
  const path = join(folder, 'a.jsonl')
  const sink = createJsonLines({ name: 'cmdb', path, clusterId: 'c1' })
  for (const id of ['i1', 'i2', 'i1', 'i2', 'i3']) await sink.deliver(outcome(id), signal)
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
  expect(lines.map((line): unknown => JSON.parse(line))).toMatchObject(
    ['i1', 'i2', 'i3'].map((id) => {
      return { key: `${id}.healed`, cluster_id: 'c1', incident: { incident_id: id } }
    }),
  )
})

test('a line that was cut off is ended, and what it should have said is written', async () => {
  const path = join(folder, 'b.jsonl')
  const sink = createJsonLines({ name: 'cmdb', path, clusterId: 'c1' })
  await sink.deliver(outcome('i1'), signal)
  writeFileSync(path, `${readFileSync(path, 'utf8')}{"key":"i2.healed","inc`)
  await sink.deliver(outcome('i2'), signal)
  const lines = readFileSync(path, 'utf8').split('\n')
  expect(lines.length).toBe(4)
  expect(JSON.parse(lines[2] ?? '')).toMatchObject({ key: 'i2.healed' })
})

test('a folder that is not there: later', async () => {
  const path = join(folder, 'none', 'c.jsonl')
  const sink = createJsonLines({ name: 'cmdb', path, clusterId: 'c1' })
  await expect(sink.deliver(outcome('i1'), signal)).rejects.toMatchObject({ refusal: 'again' })
})
