// From the agent's section of a file to instances; that it runs is test/kafka/roles.test.ts.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { readSettingsFile } from '../../../src/config/settings-file.ts'
import type { AgentSettings } from '../../../src/config/settings-schema.ts'
import { instancesOf } from '../../../src/roles/agent/process.ts'

const EXAMPLE = fileURLToPath(new URL('../../../examples/agent.yaml', import.meta.url))

function example(): AgentSettings {
  const { agent } = readSettingsFile(EXAMPLE).settings
  if (agent === undefined) throw new Error('the example has no agent')
  return agent
}

test('the example, with what its instances are told', () => {
  const [first, second] = instancesOf(example())
  expect(first).toMatchObject({
    service: 'greeter',
    instance: 'greeter-1',
    host: '127.0.0.1',
    port: 18_101,
    healthPath: '/health',
    graceMs: 500,
    startTimeoutMs: 10_000,
  })
  expect(second).not.toHaveProperty('graceMs')
  const { argv, env, cwd } = first?.command({ host: '127.0.0.1', port: 7, token: 's3cret' }) ?? {}
  expect(argv).toEqual(['node', 'service.mjs', '18101'])
  expect(readFileSync(`${cwd}/service.mjs`, 'utf8')).toContain('IntakeClient')
  expect(env).toMatchObject({
    GREETING: 'hello',
    HEALSTREAM_SERVICE: 'greeter',
    HEALSTREAM_INSTANCE: 'greeter-1',
    HEALSTREAM_INTAKE: '127.0.0.1:7',
  })
  expect(JSON.stringify(env)).not.toContain('s3cret')
})

test.each([{ port: 18_102 }, { instance: 'greeter-2' }])('%j twice is refused', (twin) => {
  const agent = example()
  const instances = agent.instances.map((one, i) => (i === 0 ? { ...one, ...twin } : one))
  expect(() => instancesOf({ ...agent, instances })).toThrow(
    'agent.instances[1] has the name or the port of agent.instances[0]',
  )
})
