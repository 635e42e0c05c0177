// The two services.
import { expect, test } from 'vitest'
import { shop, stock } from '../../../../src/roles/demo/service/handlers.ts'

const work = async (): Promise<void> => undefined

test('stock knows its items and no other path', async () => {
  expect(await stock('/stock/apple', work)).toEqual({
    status: 200,
    body: { item: 'apple', available: 1_000 },
  })
  expect(await stock('/stock/zebra', work)).toMatchObject({ status: 404 })
  expect(stock('/stock/', work)).toBeNull()
  expect(stock('/buy', work)).toBeNull()
})

test('shop sells in turn, after asking stock', async () => {
  const asked: string[] = []
  const own = shop({
    call: async (path) => {
      asked.push(path)
      return ''
    },
  })
  expect(await own('/buy', work)).toEqual({ status: 200, body: { sold: 'apple' } })
  expect(await own('/buy', work)).toEqual({ status: 200, body: { sold: 'bread' } })
  expect(asked).toEqual(['/stock/apple', '/stock/bread'])
  expect(own('/stock/apple', work)).toBeNull()
})
