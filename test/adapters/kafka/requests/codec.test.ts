// An answer is about exactly what was asked.
import { expect, it } from 'vitest'
import { MalformedAnswer } from '../../../../src/adapters/kafka/requests/bytes.ts'
import { answersFor, answersForNames } from '../../../../src/adapters/kafka/requests/codec.ts'

const at = (topic: string, partition: number) => ({ topic, partition })

it('partitions: in the order asked, none left out, doubled or foreign', () => {
  const asked = [at('b', 1), at('a', 0), at('a', 1)]
  expect(answersFor(asked, asked.toReversed())).toEqual(asked)
  for (const answered of [
    [],
    asked.slice(1),
    [...asked, at('a', 2)],
    [...asked, at('a', 1)],
    [at('b', 1), at('a', 0), at('a', 0)],
    [at('b', 1), at('a', 0), at('b', 0)],
  ])
    expect(() => answersFor(asked, answered)).toThrow(MalformedAnswer)
})

// Two batches of one partition in one request: a broker keeps one of them, and answers once.
it('partitions: asked for twice is never answered', () => {
  const twice = [at('a', 0), at('a', 0)]
  expect(() => answersFor(twice, [at('a', 0)])).toThrow(MalformedAnswer)
  expect(() => answersFor(twice, twice)).toThrow(MalformedAnswer)
})

it('topics: asked for twice is answered once', () => {
  const [a, b] = [{ name: 'a' }, { name: 'b' }]
  expect(answersForNames(['a', 'b', 'a'], [b, a])).toEqual([a, b, a])
  expect(() => answersForNames(['a', 'b', 'a'], [b, a, a])).toThrow(MalformedAnswer)
  expect(() => answersForNames(['a', 'b'], [a])).toThrow(MalformedAnswer)
})
