// Metrics of named events: their figures, their form, their bounds.
import perfHooks from 'node:perf_hooks'
import { describe, expect, it, vi } from 'vitest'
import { SERIES_MAX } from '../../../src/adapters/observability/metrics.ts'
import { refused, rig } from './rig.ts'

describe('metrics', () => {
  it('count, add and distribute what the events say', async () => {
    const { instruments, metricsText } = rig({ level: 'silent', labels: { role: 'worker' } })
    instruments.emit('task_step', { task: 's1', seq: 1, records: 5 })
    instruments.emit('task_step', { task: 's1', seq: 2, records: 7 })
    instruments.emit('task_commit', { task: 's1', records: 1, ms: 3, seconds: 0.003 })
    instruments.emit('task_commit', { task: 's1', records: 1, ms: 30_000, seconds: 30 })
    instruments.emit('record_refused', refused)
    const text = await metricsText()
    for (const line of [
      'healstream_steps_total{role="worker"} 2',
      'healstream_records_total{role="worker"} 12',
      'healstream_commit_seconds_bucket{le="0.002",role="worker"} 0',
      'healstream_commit_seconds_bucket{le="0.005",role="worker"} 1',
      'healstream_commit_seconds_bucket{le="+Inf",role="worker"} 2',
      'healstream_commit_seconds_sum{role="worker"} 30.003',
      'healstream_dead_letters_total{topic="hs.telemetry",reason="corrupt",role="worker"} 1',
    ])
      expect(text.split('\n')).toContain(line)
  })

  it('bring those of the process and the build', async () => {
    const { metricsText, metricsContentType } = rig()
    const text = await metricsText()
    expect(text).toMatch(/^process_cpu_seconds_total /m)
    expect(text).toMatch(/^nodejs_eventloop_lag_seconds /m)
    expect(text).toMatch(/^healstream_build_info\{version="\d+\.\d+\.\d+",node="v\d+[^"]*"\} 1$/m)
    expect(metricsContentType).toMatch(/^text\/plain; version=0\.0\.4/)
  })

  it('do not wake a process that has nothing to do', async () => {
    // The default metrics woke every role each 10 ms, for as long as it ran.
    const monitor = vi.spyOn(perfHooks, 'monitorEventLoopDelay')
    const { metricsText } = rig()
    const text = await metricsText()
    const [[options] = []] = monitor.mock.calls
    monitor.mockRestore()
    expect(options?.resolution).toBeGreaterThan(3_600_000)
    expect(text.match(/^nodejs_eventloop_\w+/gm)).toEqual(['nodejs_eventloop_lag_seconds'])
  })

  it('have a bounded number of series', async () => {
    const { instruments, metricsText } = rig({ level: 'silent' })
    for (let i = 0; i < 5_000; i++)
      instruments.emit('record_refused', { ...refused, reason: `reason ${i} ${'x'.repeat(500)}` })
    const lines = (await metricsText()).split('\n')
    const series = lines.filter((line) => line.startsWith('healstream_dead_letters_total{'))
    expect(series).toHaveLength(SERIES_MAX + 1)
    const other = series.find((line) => line.includes('reason="other"'))
    expect(other?.endsWith(` ${5_000 - SERIES_MAX}`)).toBe(true)
    expect(Math.max(...series.map((line) => line.length))).toBeLessThan(250)
  })

  it('keep their form whatever a label says', async () => {
    const { instruments, metricsText } = rig({ level: 'silent' })
    const evil = 'a"} 1\nhealstream_forged_total 9\n\u001b[2K\\'
    instruments.emit('record_refused', { ...refused, topic: evil })
    const text = await metricsText()
    const line = /^(#.*|[a-z0-9_]+(\{([a-z_]+="([^"\\\n]|\\.)*",?)*\})? [-+\d.eEInfNa]+|)$/
    for (const each of text.split('\n')) expect(each).toMatch(line)
    expect(text).not.toMatch(/^healstream_forged/m)
  })

  it('ignore what is no number, and counters going back', async () => {
    const { instruments, metricsText } = rig({ level: 'silent' })
    for (const records of [Number.NaN, Infinity, -5, null, 'x'])
      instruments.emit('task_step', { task: 's1', seq: 1, records })
    const text = await metricsText()
    expect(text).toMatch(/^healstream_steps_total 5$/m)
    expect(text).toMatch(/^healstream_records_total 0$/m)
  })

  it('do not mix between two of them in one process', async () => {
    const [one, two] = [rig({ level: 'silent' }), rig({ level: 'silent' })]
    one.instruments.emit('task_step', { task: 's1', seq: 1, records: 5 })
    expect(await one.metricsText()).toMatch(/^healstream_steps_total 1$/m)
    expect(await two.metricsText()).toMatch(/^healstream_steps_total 0$/m)
  })
})
