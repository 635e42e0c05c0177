// A seed is a run: the same in two processes, event by event; another seed is another run.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { createSerde } from '../../src/adapters/serde/serde.ts'
import { simulate, type SimulationReport } from '../../src/roles/simulate/simulation.ts'
import { tsArgv } from '../support/ts.ts'

const FOR_MS = 60_000

async function elsewhere(seed: number): Promise<string> {
  const [node = '', ...argv] = tsArgv('test/simulate/one-seed.ts', String(seed), String(FOR_MS))
  const { stdout } = await promisify(execFile)(node, argv)
  return stdout.trim()
}

async function here(seed: number, say?: (line: string) => void): Promise<SimulationReport> {
  const serde = await createSerde()
  return simulate({ seed, forMs: FOR_MS, serde, ...(say === undefined ? {} : { say }) })
}

describe('a seed', () => {
  test('gives the same run in this process and in another', async () => {
    const report = await here(11)
    const own = `${report.hash} ${report.events}`
    expect(await elsewhere(11)).toBe(own)
  })

  test('is not changed by being looked at, and is another run than the next one', async () => {
    const lines: string[] = []
    const traced = await here(14, (line) => lines.push(line))
    expect(traced.hash).toBe((await here(14)).hash)
    expect(traced.hash).not.toBe((await here(13)).hash)
    expect(lines.length).toBeGreaterThan(300)
  })

  test('runs through what a cluster meets, and nothing is wrong', async () => {
    const report = await here(15)
    expect(report.problems).toEqual([])
    expect(report.acknowledged).toBeGreaterThan(20)
    expect(report.checked.entries).toBeGreaterThan(20)
    expect(report.checked.gens).toBeGreaterThan(1)
    expect(report.counts['kills']).toBeGreaterThan(0)
  })
})
