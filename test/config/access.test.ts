// What each role needs, against the topics as they are described.
import { describe, expect, it } from 'vitest'
import { type Access, accessOf, aclCommands, ROLES, type Role } from '../../src/config/access.ts'
import { TOPICS, topicName } from '../../src/contracts/topics.ts'

const names = { prefix: 'eu.', group: 'workers' }
const of = (role: Role): readonly Access[] => accessOf(role, names)
const topicsWith = (role: Role, operation: string): string[] =>
  of(role)
    .filter((one) => one.resource === 'topic' && one.operations.some((each) => each === operation))
    .map(({ name }) => name)

describe('the table', () => {
  it.each(ROLES)('names for %s only topics that exist, under the prefix', (role) => {
    const known = [...TOPICS.map(({ kind }) => topicName(kind, 'eu.')), 'eu.']
    for (const { resource, name } of of(role))
      if (resource === 'topic') expect(known).toContain(name)
  })

  it('lets a worker read every input', () => {
    const inputs = TOPICS.filter(({ input }) => input).map(({ kind }) => topicName(kind, 'eu.'))
    expect(topicsWith('worker', 'Read')).toEqual(expect.arrayContaining(inputs))
  })

  it('lets agents write the topics of the edge, and no others', () => {
    const edge = TOPICS.filter(({ edge: is }) => is).map(({ kind }) => topicName(kind, 'eu.'))
    expect(topicsWith('agent', 'Write').sort()).toEqual(edge.sort())
  })

  it('lets nobody but a worker write commands, and no agent any transaction', () => {
    for (const role of ROLES)
      expect(topicsWith(role, 'Write').includes('eu.commands')).toBe(role === 'worker')
    expect(of('agent').every(({ resource }) => resource === 'topic')).toBe(true)
  })

  it('asks for the settings of every topic that is read or written', () => {
    for (const role of ['worker', 'agent'] as const)
      for (const { resource, operations } of of(role))
        if (resource === 'topic') expect(operations).toContain('DescribeConfigs')
  })
})

describe('commands for kafka-acls', () => {
  it('has one line for all resources with the same operations', () => {
    const lines = aclCommands(of('agent'), 'User:a').map((words) => words.join(' '))
    expect(lines).toEqual([
      '--add --allow-principal User:a --operation Write --operation DescribeConfigs ' +
        '--topic eu.service-events --topic eu.results --topic eu.signals --topic eu.telemetry',
      '--add --allow-principal User:a --operation Read --operation DescribeConfigs ' +
        '--topic eu.commands --topic eu.registry --topic eu.journal',
    ])
  })

  it('names groups, transactional ids and the cluster as kafka-acls does', () => {
    const worker = aclCommands(of('worker'), 'User:w').map((words) => words.join(' '))
    expect(worker).toContain('--add --allow-principal User:w --operation Read --group workers')
    expect(worker).toContain(
      '--add --allow-principal User:w --operation Write --resource-pattern-type prefixed ' +
        '--transactional-id eu.',
    )
    const operator = aclCommands(of('operator'), 'User:o').map((words) => words.join(' '))
    expect(operator).toContain(
      '--add --allow-principal User:o --operation Describe --operation DescribeConfigs --cluster',
    )
  })
})
