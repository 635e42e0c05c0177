// Settings of brokers that an operator has to change.
import { describe, expect, it } from 'vitest'
import { BROKER_SETTINGS, checkBrokerConfig } from '../../../src/roles/doctor/settings.ts'

describe('settings of a broker', () => {
  const good = {
    'group.min.session.timeout.ms': '6000',
    'group.max.session.timeout.ms': '1800000',
    'transaction.max.timeout.ms': '900000',
    'transaction.abort.timed.out.transaction.cleanup.interval.ms': '10000',
    'transactional.id.expiration.ms': '604800000',
    'auto.create.topics.enable': 'false',
    'unclean.leader.election.enable': 'false',
    'transaction.state.log.replication.factor': '3',
    'transaction.state.log.min.isr': '2',
    'offsets.topic.replication.factor': '3',
  }

  it('that are good are asked for by name, all of them', () => {
    expect(Object.keys(good).sort()).toEqual([...BROKER_SETTINGS].sort())
    expect(checkBrokerConfig(1, good, 3).map(({ level }) => level)).toEqual(['ok'])
  })

  it.each([
    ['group.min.session.timeout.ms', '10000'],
    ['transaction.max.timeout.ms', '1000'],
    ['auto.create.topics.enable', 'true'],
    ['unclean.leader.election.enable', 'true'],
    ['transaction.state.log.replication.factor', '1'],
  ])('%s=%s is named with what to set', (name, value) => {
    const [finding, ...more] = checkBrokerConfig(2, { ...good, [name]: value }, 3)
    expect(more).toEqual([])
    expect(finding).toMatchObject({ level: 'warn' })
    expect(finding?.found).toContain(`broker 2 has ${name}=${value}`)
    expect(finding?.fix).toContain(`Set ${name} to `)
  })

  it('about replicas are not asked of one broker', () => {
    const single = { ...good, 'transaction.state.log.replication.factor': '1' }
    expect(checkBrokerConfig(1, single, 1).map(({ level }) => level)).toEqual(['ok'])
  })

  it('that may not be read are a warning', () => {
    expect(checkBrokerConfig(1, 'refused', 3)).toMatchObject([{ level: 'warn' }])
  })
})
