// Schemas that would let a few bytes ask for endless work are refused before any byte is read.
import { describe, expect, it } from 'vitest'
import { bytesConverter, lookOver, shapeOf } from '../../../src/adapters/serde/shape.ts'
import { AvroCursor } from '../../../src/contracts/avro-cursor.ts'
import { DatumWriter } from '../../contracts/telemetry-fixture.ts'

const record = (fields: unknown[], name = 'R'): unknown => ({ type: 'record', name, fields })
const field = (type: unknown, name = 'f'): unknown => ({ name, type })
const array = (items: unknown): unknown => ({ type: 'array', items })

function look(schema: unknown, bytes: Uint8Array): string {
  const cursor = new AvroCursor()
  cursor.open(bytes, 0, bytes.length)
  const trouble = { reason: null, path: [] }
  const fine = lookOver(shapeOf(schema), cursor, trouble)
  return fine ? `ends at ${cursor.at}` : `${trouble.reason} at ${trouble.path.join('<')}`
}

describe('shapeOf', () => {
  it.each([
    ['an array of nulls', record([field(array('null'))])],
    ['an array of empty records', record([field(array(record([], 'E')))])],
    ['a record that contains itself', record([field(['null', 'R'])])],
    ['a list that contains itself', record([field(array('R'))])],
    ['a type that is not ours', record([field('float')])],
    ['a fixed', record([field({ type: 'fixed', name: 'F', size: 0 })])],
    ['an unknown name', record([field('Elsewhere')])],
    ['nothing', null],
  ])('refuses %s', (_, schema) => {
    expect(() => shapeOf(schema)).toThrow(/HS_INTERNAL|contains itself|without size|not supported/)
  })

  it('takes maps of nulls, whose keys have a size', () => {
    expect(look({ type: 'map', values: 'null' }, Uint8Array.of(2, 2, 0x61, 0))).toBe('ends at 4')
  })
})

describe('lookOver', () => {
  it('checks block sizes of arrays inside arrays', () => {
    const nested = array(array('int'))
    const inner = [1, 2, 4, 0]
    // [[2], [2]]: an outer block with its size, inner ones with theirs.
    const good = Uint8Array.of(3, 2 * 2 * inner.length, ...inner, ...inner, 0)
    expect(look(nested, good)).toBe(`ends at ${good.length}`)
    for (const at of [1, 3, 7]) {
      const bad = Uint8Array.from(good)
      bad[at] = (bad[at] ?? 0) + 2
      expect(look(nested, bad), `byte ${at}`).toMatch(/^corrupt/)
    }
  })

  it('refuses counts that cannot fit, at once', () => {
    const bomb = new DatumWriter().long(2 ** 40).done()
    expect(look(array('int'), bomb)).toMatch(/^corrupt/)
    expect(look({ type: 'map', values: 'long' }, bomb)).toMatch(/^corrupt/)
  })

  it('names the way to the field at fault, from inside out', () => {
    const schema = record([field(array({ ...Object(field('string', 'x')), ...inner() }), 'list')])
    const bytes = new DatumWriter().long(2).text('fine').text('bad').raw(0).done()
    bytes[bytes.length - 2] = 0xff
    expect(look(schema, bytes)).toBe('invalid at text<1<list')
  })
})

function inner(): object {
  return { type: 'record', name: 'I', fields: [field('string', 'text')] }
}

describe('bytesConverter', () => {
  const twice = (bytes: Uint8Array): Uint8Array => Uint8Array.of(...bytes, ...bytes)

  it('changes bytes wherever they are and nothing else', () => {
    const schema = record([
      field(['null', 'bytes'], 'a'),
      field(array(record([field('bytes', 'b'), field('int', 'n')], 'I')), 'list'),
      field('string', 's'),
    ])
    const convert = bytesConverter(shapeOf(schema), twice)
    const value = { a: Uint8Array.of(1), list: [{ b: Uint8Array.of(2), n: 1 }], s: 'x' }
    expect(convert?.(value)).toEqual({
      a: Uint8Array.of(1, 1),
      list: [{ b: Uint8Array.of(2, 2), n: 1 }],
      s: 'x',
    })
    expect(value.a).toEqual(Uint8Array.of(1))
    expect(convert?.({ ...value, a: null })).toMatchObject({ a: null })
  })

  it('is null where there are no bytes', () => {
    expect(bytesConverter(shapeOf(record([field('int')])), twice)).toBeNull()
  })
})
