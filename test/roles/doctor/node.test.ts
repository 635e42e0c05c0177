// The version of Node that is asked for.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { checkNode, NODE_FLOOR } from '../../../src/roles/doctor/node.ts'

describe('checkNode', () => {
  it('asks for what package.json asks for', () => {
    const file = new URL('../../../package.json', import.meta.url)
    const { engines } = JSON.parse(readFileSync(file, 'utf8'))
    expect(engines.node).toBe(`>=${NODE_FLOOR.join('.')}`)
  })

  it.each([
    ['20.19.0', 'ok'],
    ['20.20.2', 'ok'],
    ['24.1.0', 'ok'],
    ['20.18.9', 'fail'],
    ['18.20.4', 'fail'],
  ])('finds %s %s', (version, level) => {
    expect(checkNode(version).level).toBe(level)
  })
})
